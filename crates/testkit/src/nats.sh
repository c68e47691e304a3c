# Runs a NATS server of its own until standard input ends, which it does with the process that holds its other end, however
# that dies. The words: the program, and the directory, which holds the configuration and is removed at the end.
# Commands come in lines, and each is answered by one: "done", or why not.
program=$1
directory=$2
server=
trap 'rm -rf "$directory"' EXIT

start() {
    : >"$directory/log"
    "$program" --config "$directory/server.conf" --log "$directory/log" >/dev/null 2>"$directory/refused" </dev/null &
    server=$!
    until grep -q 'Server is ready' "$directory/log"; do
        if ! kill -0 "$server" 2>/dev/null; then
            wait "$server"
            server=
            # One line.
            echo "failed: $(cat "$directory/refused" "$directory/log" | tr '\n' ' ')"
            return
        fi
        sleep 0.02
    done
    echo done
}

stop() {
    if [ -n "$server" ]; then
        # It may stand still, where it would take nothing milder.
        kill -KILL "$server" 2>/dev/null
        wait "$server" 2>/dev/null
        server=
    fi
}

pause() {
    kill -STOP "$server"
    # Its threads stop one after another.
    while grep -L 'State:.T' "/proc/$server/task/"*/status 2>/dev/null | grep -q .; do
        sleep 0.01
    done
    echo done
}

while read -r command; do
    case $command in
    start) start ;;
    stop) stop && echo done ;;
    pause) pause ;;
    resume) kill -CONT "$server" && echo done ;;
    esac
done
stop
