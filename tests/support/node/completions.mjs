// Shell completion of vedettectl out of the schemas: verbs, their params, and the words that a param may be.
import { typeOf } from './schema_table.mjs';

// name -> words, of one verb
function paramsOf(schemas, verb) {
  const home = `command/${verb}`;
  const { node, home: at } = schemas.resolve(schemas.get(home).properties.params, home);
  return Object.entries(node.properties ?? {}).map(([name, raw]) => {
    const { node: member, home: memberHome } = schemas.resolve(raw, at);
    if (member.type === 'array') {
      const items = schemas.resolve(member.items, memberHome).node;
      return [`${name}[]`, items.enum ?? []];
    }
    if (typeOf(schemas, member, memberHome) === 'boolean') return [name, ['true', 'false']];
    return [name, member.enum ?? []];
  });
}

const OPTIONS = {
  '--broker': '', '--device': '', '--topic-root': '', '--username': '', '--reply-to': '', '--password-file': 'file', '--ca-file': 'file',
  '--cert-file': 'file', '--key-file': 'file', '--http-ca-file': 'file', '--mqtt-version': '', '--timeout': '', '--output': 'file',
  '--manifest': null, '--key': 'file', '--partial': null, '--json': null, '--quiet': null, '--lines': null, '--verbose': null,
  '--config': 'file', '--help': null, '--version': null,
};
// May be given several times.
const MANY = new Set(['--broker', '--key']);
const SHORT = { '-o': '--output', '-q': '--quiet', '-v': '--verbose', '-h': '--help' };
// Words of the command line itself, with what may stand behind them, and what they are for.
const OWN = {
  watch: { says: 'devices, cameras and events as they are' },
  devices: { says: 'the devices that this broker knows' },
  clips: { says: 'ls, url, get', words: 'ls url get' },
  config: { says: 'get, diff FILE, set FILE', words: 'get diff set' },
  verify: { says: 'downloaded clips against their manifests' },
};

const withValue = (kind) => Object.entries(OPTIONS).filter(([, is]) => (kind === 'file' ? is === 'file' : is !== null && is !== 'file')).map(([name]) => name);

export function bash(schemas, verbs) {
  const cases = verbs.map((verb) => {
    const params = paramsOf(schemas, verb);
    const names = params.map(([name]) => `${name}=`).join(' ');
    return `        ${verb}) names="${names}" ;;`;
  });
  const words = new Map();
  for (const verb of verbs)
    for (const [name, values] of paramsOf(schemas, verb)) if (values.length) words.set(`${verb}:${name}`, values.join(' '));
  const values = [...words].map(([key, list]) => `        "${key}") words="${list}" ;;`);
  return `# Completion of vedettectl for bash. Made from the schemas by scripts/reference.
# Source it, or put it into /usr/share/bash-completion/completions as vedettectl.
_vedettectl_params() {
    local names=""
    case $1 in
${cases.join('\n')}
    esac
    printf '%s' "$names"
}

_vedettectl_words() {
    local words=""
    case $1 in
${values.join('\n')}
    esac
    printf '%s' "$words"
}

_vedettectl() {
    local line=\${COMP_LINE:0:COMP_POINT} word verb="" second="" skip="" value
    local -a parts
    read -ra parts <<< "$line"
    word=""
    case $line in *' ') ;; *) word=\${parts[-1]}; unset 'parts[-1]' ;; esac
    for part in "\${parts[@]:1}"; do
        if [ -n "$skip" ]; then skip=""; continue; fi
        case $part in
            ${[...withValue('file'), ...withValue(''), '-o'].join('|')}) skip=$part ;;
            -*) ;;
            *) if [ -z "$verb" ]; then verb=$part; else second=$part; fi ;;
        esac
    done
    case $skip in
        ${[...withValue('file'), '-o'].join('|')}) mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames; return ;;
        ?*) return ;;
    esac
    case $word in
        -*) mapfile -t COMPREPLY < <(compgen -W "${Object.keys(OPTIONS).join(' ')}" -- "$word"); return ;;
        *=*)
            # bash takes "=" for the end of a word: what is completed is what stands behind it.
            value=\${word#*=}
            mapfile -t COMPREPLY < <(compgen -W "$(_vedettectl_words "$verb:\${word%%=*}")" -- "$value")
            return ;;
    esac
    case $verb in
        "") mapfile -t COMPREPLY < <(compgen -W "${[...Object.keys(OWN), ...verbs].join(' ')}" -- "$word") ;;
        clips | config)
            case $verb$second in
                clips) mapfile -t COMPREPLY < <(compgen -W "${OWN.clips.words}" -- "$word") ;;
                config) mapfile -t COMPREPLY < <(compgen -W "${OWN.config.words}" -- "$word") ;;
                configdiff | configset) mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames ;;
            esac ;;
        verify) mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames ;;
        *)
            mapfile -t COMPREPLY < <(compgen -W "$(_vedettectl_params "$verb")" -- "$word")
            compopt -o nospace ;;
    esac
}
complete -F _vedettectl vedettectl
`;
}

export function zsh(schemas, verbs) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const first = (verb) => (schemas.get(`command/${verb}`).description ?? '').split(/[.:]( |$)/)[0].replaceAll(':', ' ');
  const all = [...Object.entries(OPTIONS), ...Object.entries(SHORT).map(([name, long]) => [name, OPTIONS[long]])];
  const options = all.map(([name, is]) => `        ${quoted(is === null ? name : `${MANY.has(name) ? '*' : ''}${name}:value:${is === 'file' ? '_files' : ''}`)}`);
  const own = Object.entries(OWN).map(([verb, { says }]) => `        ${quoted(`${verb}:${says}`)}`);
  const listed = verbs.map((verb) => `        ${quoted(`${verb}:${first(verb)}`)}`);
  const cases = verbs.map((verb) => {
    const specs = paramsOf(schemas, verb).map(([name, values]) =>
      quoted(`${name.replaceAll('[', '\\[').replaceAll(']', '\\]')}:${values.length ? `(${values.join(' ')})` : ' '}`));
    return `        ${verb}) params=(${specs.join(' ')}) ;;`;
  });
  return `#compdef vedettectl
# Completion of vedettectl for zsh. Made from the schemas by scripts/reference.
# Put it into a folder of $fpath as _vedettectl.
_vedettectl() {
    local -a verbs params
    local curcontext=$curcontext state line
    local -A opt_args
    _arguments -C \\
${options.map((line) => `${line} \\`).join('\n')}
        '1:verb:->verb' '*:param:->param'
    case $state in
        verb)
            verbs=(
${own.join('\n')}
${listed.join('\n')}
            )
            _describe verb verbs ;;
        param) _vedettectl_params "$line[@]" ;;
    esac
}

# The verb and what stands behind it, without options; the last of it is being written.
_vedettectl_params() {
    local -a params
    case $1 in
        clips) [[ $# -gt 2 ]] || _values 'what to do' ${OWN.clips.words}; return ;;
        config)
            if [[ $# -le 2 ]]; then _values 'what to do' ${OWN.config.words}
            elif [[ $2 == (diff|set) ]]; then _files; fi
            return ;;
        verify) _files; return ;;
${cases.join('\n')}
    esac
    local name=\${PREFIX%%=*} param
    if [[ $PREFIX == *=* ]]; then
        for param in $params; do
            [[ \${\${param%%:*}//\\\\/} == $name ]] || continue
            compset -P '*='
            compadd - \${=\${\${param#*:}//[()]/}}
        done
        return
    fi
    compadd -S = - \${\${params%%:*}//\\\\/}
}

_vedettectl "$@"
`;
}
