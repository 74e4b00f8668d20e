"""CockroachDB's web port, as far as health.http asks it."""

import contextlib
import http.server
import ssl
import threading


class HealthPort(http.server.ThreadingHTTPServer):
    """Answers with `status`; keeps what it was `asked`."""

    def __init__(self, address, port, certificate):
        super().__init__((address, port), Handler)
        self.status = 200
        self.asked = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.cert, certificate.key)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request, client_address):
        """A dial that is broken off is no error of the test."""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Host"]))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
