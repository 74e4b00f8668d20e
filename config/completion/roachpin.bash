# Completion for bash: source it, or put it into /usr/share/bash-completion/completions/roachpin.
_roachpin() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=
    [[ $COMP_CWORD -gt 1 ]] && command=${COMP_WORDS[1]}
    case $before in
    -c | --config | --output | -o | --baseline | --from-haproxy)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --from-certs-dir)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return
        ;;
    esac
    local words=
    case $command/$before in
    check/--format) words='text json sarif junit' ;;
    status/--format | run/--log-format) words='text json' ;;
    check/--fail-on) words='low medium high critical' ;;
    run/--log-level) words='debug info warning error' ;;
    /*) words='run check resolve pin status init version --help --version' ;;
    run/*) words='--config --listen --admin --log-level --log-format --help' ;;
    check/*) words='--config --format --output --fail-on --baseline --offline --help' ;;
    resolve/*) words='--config --help' ;;
    pin/*) words='--config --verify --update --help' ;;
    status/*) words='--admin --watch --format --help' ;;
    init/*) words='--from-certs-dir --from-haproxy --output --force --help' ;;
    version/*) words='--help' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _roachpin roachpin
