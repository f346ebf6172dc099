# Sourced by the shell that zsh_completion.zsh asks.
PS1= PS2=
stty -echo
autoload -Uz compinit
fpath=($1 $fpath)
compinit -D -u
bindkey '^I' complete-word
zstyle ':completion:*' list-grouped no

compadd() {
    if [[ " ${(j: :)@[1,(i)(-|--)]} " == *\ -[OAD]\ * ]]; then
        builtin compadd "$@"
        return
    fi
    local -a found
    builtin compadd -A found "$@"
    [[ $#found = 0 ]] || print -lr -- WORD:$^found
    builtin compadd "$@"
}

told() { print -r -- DONE; }
compprefuncs=()
comppostfuncs=(told)
print -r -- READY
