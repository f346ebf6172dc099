# Completion of vedettectl for bash. Made from the schemas by scripts/reference.
# Source it, or put it into /usr/share/bash-completion/completions as vedettectl.
_vedettectl_params() {
    local names=""
    case $1 in
        agent.diagnostics) names="upload= timeout_ms=" ;;
        agent.log_level) names="level= ttl_s=" ;;
        agent.ping) names="" ;;
        agent.rebirth) names="" ;;
        audit.query) names="from= to= actor= verb= camera_id= status= limit= cursor=" ;;
        camera.discover) names="address= timeout_ms=" ;;
        camera.probe) names="camera_id= url= auth_camera_id= transport= timeout_ms=" ;;
        camera.restart) names="camera_id=" ;;
        clip.create) names="camera_id= start= end= labels[]= upload= priority= container=" ;;
        clip.delete) names="clip_ids[]= force=" ;;
        clip.get) names="clip_id=" ;;
        clip.protect) names="clip_id= protected= until=" ;;
        clip.query) names="camera_id= from= to= labels[]= state[]= limit= cursor= order=" ;;
        clip.upload) names="clip_id= priority= force= timeout_ms=" ;;
        clip.url) names="clip_id= ttl_s=" ;;
        command.cancel) names="command_id=" ;;
        config.report) names="" ;;
        loss.query) names="from= to= limit= cursor=" ;;
        recording.list) names="camera_id=" ;;
        recording.start) names="camera_id= recording_id= start= allow_late= pre_roll_ms= duration_ms= labels[]= upload= priority= container=" ;;
        recording.stop) names="recording_id= camera_id=" ;;
        snapshot.take) names="camera_id= profile= at= fresh= origin= width_px= quality= deliver= timeout_ms=" ;;
        storage.status) names="" ;;
        stream.close) names="stream_id=" ;;
        stream.list) names="camera_id=" ;;
        stream.open) names="camera_id= profile= ttl_s=" ;;
        timeline.query) names="camera_id= from= to=" ;;
        upload.pause) names="until=" ;;
        upload.resume) names="" ;;
        upload.status) names="" ;;
    esac
    printf '%s' "$names"
}

_vedettectl_words() {
    local words=""
    case $1 in
        "agent.diagnostics:upload") words="auto never" ;;
        "agent.log_level:level") words="trace debug info warn error" ;;
        "audit.query:status") words="in_progress succeeded failed cancelled rejected expired" ;;
        "camera.probe:transport") words="tcp udp auto multicast http" ;;
        "clip.create:upload") words="auto never" ;;
        "clip.create:priority") words="high normal low" ;;
        "clip.create:container") words="mp4 ts flv" ;;
        "clip.delete:force") words="true false" ;;
        "clip.protect:protected") words="true false" ;;
        "clip.query:state[]") words="recording finalizing ready deleting" ;;
        "clip.query:order") words="asc desc" ;;
        "clip.upload:priority") words="high normal low" ;;
        "clip.upload:force") words="true false" ;;
        "recording.start:allow_late") words="true false" ;;
        "recording.start:upload") words="auto never" ;;
        "recording.start:priority") words="high normal low" ;;
        "recording.start:container") words="mp4 ts flv" ;;
        "snapshot.take:profile") words="main sub" ;;
        "snapshot.take:fresh") words="true false" ;;
        "snapshot.take:origin") words="auto ring camera" ;;
        "snapshot.take:deliver") words="upload inline both" ;;
        "stream.open:profile") words="main sub" ;;
    esac
    printf '%s' "$words"
}

_vedettectl() {
    local line=${COMP_LINE:0:COMP_POINT} word verb="" second="" skip="" value
    local -a parts
    read -ra parts <<< "$line"
    word=""
    case $line in *' ') ;; *) word=${parts[-1]}; unset 'parts[-1]' ;; esac
    for part in "${parts[@]:1}"; do
        if [ -n "$skip" ]; then skip=""; continue; fi
        case $part in
            --password-file|--ca-file|--cert-file|--key-file|--http-ca-file|--output|--key|--config|--broker|--device|--topic-root|--username|--reply-to|--mqtt-version|--timeout|-o) skip=$part ;;
            -*) ;;
            *) if [ -z "$verb" ]; then verb=$part; else second=$part; fi ;;
        esac
    done
    case $skip in
        --password-file|--ca-file|--cert-file|--key-file|--http-ca-file|--output|--key|--config|-o) mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames; return ;;
        ?*) return ;;
    esac
    case $word in
        -*) mapfile -t COMPREPLY < <(compgen -W "--broker --device --topic-root --username --reply-to --password-file --ca-file --cert-file --key-file --http-ca-file --mqtt-version --timeout --output --manifest --key --partial --json --quiet --lines --verbose --config --help --version" -- "$word"); return ;;
        *=*)
            # bash takes "=" for the end of a word: what is completed is what stands behind it.
            value=${word#*=}
            mapfile -t COMPREPLY < <(compgen -W "$(_vedettectl_words "$verb:${word%%=*}")" -- "$value")
            return ;;
    esac
    case $verb in
        "") mapfile -t COMPREPLY < <(compgen -W "watch devices clips config verify agent.diagnostics agent.log_level agent.ping agent.rebirth audit.query camera.discover camera.probe camera.restart clip.create clip.delete clip.get clip.protect clip.query clip.upload clip.url command.cancel config.report loss.query recording.list recording.start recording.stop snapshot.take storage.status stream.close stream.list stream.open timeline.query upload.pause upload.resume upload.status" -- "$word") ;;
        clips | config)
            case $verb$second in
                clips) mapfile -t COMPREPLY < <(compgen -W "ls url get" -- "$word") ;;
                config) mapfile -t COMPREPLY < <(compgen -W "get diff set" -- "$word") ;;
                configdiff | configset) mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames ;;
            esac ;;
        verify) mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames ;;
        *)
            mapfile -t COMPREPLY < <(compgen -W "$(_vedettectl_params "$verb")" -- "$word")
            compopt -o nospace ;;
    esac
}
complete -F _vedettectl vedettectl
