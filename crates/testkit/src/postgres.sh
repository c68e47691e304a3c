# Runs a Postgres of its own until standard input ends, which it does with the process that holds its other end, however
# that dies. The words: the directory of the programs, and the ports to try. TLS with
# CERTIFICATE and KEY, if they are not empty. Tells the port, or why there is none.
programs=$1
shift
directory=$(mktemp -d /tmp/isolet-postgres.XXXXXX) || exit 1
cd "$directory" || exit 1
trap 'rm -rf "$directory"' EXIT
echo "$PGPASSWORD" >password
"$programs/initdb" --pgdata=data --username=postgres --pwfile=password --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C --no-sync >log 2>&1 || { cat log; exit 1; }
cat >>data/postgresql.conf <<'END'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 16MB
fsync = off
full_page_writes = off
synchronous_commit = off
END
if [ -n "$CERTIFICATE" ]; then
    echo ssl = on >>data/postgresql.conf
    echo "$CERTIFICATE" >data/server.crt
    (umask 077 && echo "$KEY" >data/server.key)
fi
children() {
    for status in /proc/[0-9]*/status; do
        while read -r name value; do
            case $name in PPid:) [ "$value" = "$1" ] && echo "$status" | cut -d / -f 3 ;; esac
        done 2>/dev/null <"$status"
    done
}
# Where nobody asks for it, a process that has ended keeps its number.
lives() {
    kill -0 "$1" 2>/dev/null && ! grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null
}
for port; do
    if "$programs/pg_ctl" start --pgdata=data --log=log --wait --timeout=120 --silent -o "-p $port" >/dev/null 2>&1; then
        echo "port $port"
        while read -r order; do
            case $order in
            kill)
                # The children first: they would end by themselves when their parent is gone.
                read -r server <data/postmaster.pid
                kill -STOP "$server"
                killed=$(children "$server")
                kill -KILL $killed "$server"
                for process in $killed $server; do
                    while lives "$process"; do sleep 0.01; done
                done
                rm -f data/postmaster.pid
                echo killed
                ;;
            start)
                "$programs/pg_ctl" start --pgdata=data --log=log --wait --timeout=120 --silent -o "-p $port" \
                    </dev/null >/dev/null 2>&1 && echo started || echo failed
                ;;
            esac
        done
        "$programs/pg_ctl" stop --pgdata=data --mode=immediate --wait --silent >/dev/null 2>&1
        exit 0
    fi
done
cat log
