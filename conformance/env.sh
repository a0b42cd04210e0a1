# The variables with which the public integration suite finds its workers.
# Source it in bash or zsh, with `duckwing` on the PATH: . conformance/env.sh stdio|launch|http

_duckwing_http() {
    local here=$1 command=$2
    export VGI_HTTP_TRANSPORT=1
    # Who may call a server that wants tokens.
    [ -z "${VGI_BEARER_TOKENS:-}" ] || export VGI_TEST_BEARER_TOKEN="${VGI_BEARER_TOKENS%%=*}"
    export VGI_TEST_WORKER VGI_VERSIONED_WORKER VGI_VERSIONED_TABLES_WORKER VGI_ATTACH_OPTIONS_WORKER
    export VGI_SIMPLE_WRITABLE_WORKER VGI_BAD_PROTOCOL_WORKER VGI_BAD_ENUM_WORKER
    _duckwing_serve VGI_TEST_WORKER "$command" "$here/main.py" || return
    _duckwing_serve VGI_VERSIONED_WORKER "$command" "$here/versioned.py" || return
    _duckwing_serve VGI_VERSIONED_TABLES_WORKER "$command" "$here/versioned_tables.py" || return
    _duckwing_serve VGI_ATTACH_OPTIONS_WORKER "$command" "$here/attach_options.py" || return
    _duckwing_serve VGI_SIMPLE_WRITABLE_WORKER "$command" "$here/simple_writable.py" || return
    _duckwing_serve VGI_BAD_PROTOCOL_WORKER "$command" "$here/bad_protocol.py" || return
    _duckwing_serve VGI_BAD_ENUM_WORKER "$command" "$here/bad_enum.py" || return
    export VGI_ATTACH_OPTIONS_REQUIRED_WORKER="$VGI_ATTACH_OPTIONS_WORKER"
    export VGI_VERSIONED_HTTP_WORKER="$VGI_VERSIONED_WORKER"
    export VGI_VERSIONED_TABLES_HTTP_WORKER="$VGI_VERSIONED_TABLES_WORKER"
}

# What is asked over HTTP alone, however the other workers are reached.
_duckwing_http_only() {
    local here=$1 command=$2
    export VGI_VERSIONED_HTTP_WORKER VGI_VERSIONED_TABLES_HTTP_WORKER
    _duckwing_serve VGI_VERSIONED_HTTP_WORKER "$command" "$here/versioned.py" || return
    _duckwing_serve VGI_VERSIONED_TABLES_HTTP_WORKER "$command" "$here/versioned_tables.py" || return
}

# Start a server, wait until it serves, and put its URL into a variable.
_duckwing_serve() {
    local variable=$1 command=$2 worker=$3 file
    file=$(mktemp -u)
    "$command" run "$worker" --http --quiet --port-file "$file" \
        ${VGI_HTTP_NO_COMPRESSION:+--compression=off} >/dev/null &
    _duckwing_servers="$_duckwing_servers $!"
    until [ -s "$file" ]; do
        kill -0 $! 2>/dev/null || { echo "$worker does not serve HTTP" >&2; return 1; }
        sleep 0.1
    done
    eval "$variable=http://127.0.0.1:$(cat "$file")"
    rm -f "$file"
}

# Files that the tests write and the worker names. Both must see the same path, also a worker that was launched for an earlier
# shell: so it is the same each time. The tables of schema_reconcile begin without rows.
_duckwing_files() {
    export VGI_TEST_BRANCH_DIR="${VGI_TEST_BRANCH_DIR:-${TMPDIR:-/tmp}/duckwing-conformance-$(id -u)-$1}"
    if [ -z "${VGI_SCHEMA_RECONCILE_DB:-}" ]; then
        export VGI_SCHEMA_RECONCILE_DB="$VGI_TEST_BRANCH_DIR/schema_reconcile.db"
        rm -f "$VGI_SCHEMA_RECONCILE_DB"
    fi
    mkdir -p "$VGI_TEST_BRANCH_DIR"
}

_duckwing_conformance() {
    local here=$1 transport=$2 command main prefix dedicated=
    command=$(command -v duckwing) || { echo "duckwing is not on the PATH; activate its environment first" >&2; return 1; }
    case $transport in
        stdio) prefix= dedicated=1 ;;
        launch) prefix=launch: ;;
        http) ;;
        *) echo "usage: . conformance/env.sh stdio|launch|http" >&2; return 1 ;;
    esac
    _duckwing_files "$transport"
    _duckwing_servers=
    unset VGI_TEST_DEDICATED_WORKER VGI_REQUIRE_LAUNCHER_TRANSPORT VGI_HTTP_TRANSPORT
    if [ "$transport" = http ]; then
        _duckwing_http "$here" "$command"
        return
    fi
    _duckwing_http_only "$here" "$command" || return
    # A worker that was launched for an earlier shell has that shell's environment: variables are part of the command.
    main="${VGI_WORKER_SUPPORTS_DYNAMIC_CODE:+env VGI_WORKER_SUPPORTS_DYNAMIC_CODE=1 }${command} run ${here}/main.py"
    export VGI_TEST_WORKER="${prefix}${main}"
    export VGI_VERSIONED_WORKER="${prefix}${command} run ${here}/versioned.py"
    export VGI_VERSIONED_TABLES_WORKER="${prefix}${command} run ${here}/versioned_tables.py"
    export VGI_ATTACH_OPTIONS_WORKER="${prefix}${command} run ${here}/attach_options.py"
    export VGI_ATTACH_OPTIONS_REQUIRED_WORKER="$VGI_ATTACH_OPTIONS_WORKER"
    export VGI_SIMPLE_WRITABLE_WORKER="${prefix}${command} run ${here}/simple_writable.py"
    export VGI_BAD_PROTOCOL_WORKER="${prefix}${command} run ${here}/bad_protocol.py"
    export VGI_BAD_ENUM_WORKER="${prefix}${command} run ${here}/bad_enum.py"
    if [ -n "$dedicated" ]; then
        export VGI_TEST_DEDICATED_WORKER=1
    else
        export VGI_REQUIRE_LAUNCHER_TRANSPORT=1
    fi
}

# Not within a function, with whose end zsh would take it to be done with; and zsh splits no words.
trap 'eval "kill $_duckwing_servers" 2>/dev/null' EXIT
_duckwing_conformance "$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")" && pwd)" "$1"
