"""seekdb for scripts/lab: a server where the release has no executable, and a client.

    seekdb.py PACKAGES serve DIRECTORY PORT
    seekdb.py PACKAGES sql PORT PASSWORD-FILE [STATEMENT...]

The client's first login to fresh data, where the administrator has no password yet, gives
every account the one in the file, and lets nobody in but this machine.
"""

import signal
import sys

ACCESS_DENIED = 1045


def serve(directory, port):
    import pylibseekdb

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    pylibseekdb.open_with_service(directory, int(port))
    while True:
        signal.pause()


def connect(port, password):
    import pymysql

    # Named with its tenant, as any user of OceanBase.
    return pymysql.connect(
        host="127.0.0.1", port=int(port), user="root@sys", password=password, connect_timeout=5, autocommit=True
    )


def log_in(port, password):
    import pymysql

    try:
        return connect(port, password)
    except pymysql.err.OperationalError as error:
        if error.args[0] != ACCESS_DENIED:
            raise
    connection = connect(port, "")
    with connection.cursor() as cursor:
        cursor.execute("set global ob_tcp_invited_nodes = '127.0.0.1'")
        cursor.execute("create user if not exists rollproof identified by %s", (password,))
        cursor.execute("grant all privileges on *.* to rollproof with grant option")
        # last: an interrupted first login is made again
        cursor.execute("alter user root identified by %s", (password,))
    return connection


def sql(port, password_file, *statements):
    with open(password_file) as file:
        connection = log_in(port, file.read().strip())
    if not statements:
        statements = [text for text in sys.stdin.read().split(";\n") if text.strip()]
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            for row in cursor.fetchall():
                print("\t".join("NULL" if value is None else str(value) for value in row))


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    try:
        {"serve": serve, "sql": sql}[sys.argv[2]](*sys.argv[3:])
    except Exception as error:  # the caller wants a line, not a stack
        sys.exit(f"seekdb: {error}")
