#!/usr/bin/env -S zsh -f
# Completes a line in an interactive zsh on a terminal of its own, with the completion functions of a folder, and prints
# what there is to choose from, one a line.
#
# usage: zsh_completion.zsh FOLDER LINE
# compadd is watched, which is how every completion tells its words.
zmodload zsh/zpty
readonly folder=$1 line=$2

zpty shell zsh -f -i
zpty -w shell "source ${(q)0:A:h}/zsh_completion_inner.zsh ${(q)folder}"
zpty -r -m shell out '*READY*' || exit 1
zpty -n -w shell "$line"$'\t'
zpty -r -m shell out '*DONE*' || exit 1
for word in ${(f)out}; do
    [[ $word == *WORD:* ]] && print -r -- ${${word##*WORD:}%$'\r'}
done
zpty -d shell
