"""A package index with one wheel, for fetch_test.cc: index_server.py FOLDER.

Prints one line of JSON (port, wheel, sha256 of the wheel and of its files) and serves until standard
input ends. Each download of the wheel adds a line to FOLDER/served.
"""
import hashlib
import http.server
import json
import os
import sys
import threading
import zipfile

FOLDER = sys.argv[1]
WHEEL = "demo_pack-1.2-py3-none-any.whl"
FILES = {"demo/rows.csv": b"sentence,label\nx,1\ny,0\n" * 100_000,
         "demo/texts/b/2.txt": b"two", "demo/texts/a/1.txt": b"one"}


def sha(body):
    return hashlib.sha256(body).hexdigest()


class Index(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path == "/demo-pack/":
            body, kind = PAGE, "text/html"
        elif self.path == f"/{WHEEL}":
            with open(os.path.join(FOLDER, "served"), "a", encoding="utf-8") as log:
                log.write("wheel\n")
            body, kind = BODY, "application/octet-stream"
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


path = os.path.join(FOLDER, WHEEL)
with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
    for name, content in FILES.items():
        archive.writestr(name, content)
with open(path, "rb") as file:
    BODY = file.read()
PAGE = f'<a href="/{WHEEL}#sha256={sha(BODY)}">{WHEEL}</a>'.encode()
texts = "".join(f"{sha(FILES['demo/texts/' + name])}  {name}\n" for name in ("a/1.txt", "b/2.txt"))
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"port": server.server_port, "wheel": sha(BODY),
                  "rows": sha(FILES["demo/rows.csv"]), "texts": sha(texts.encode())}), flush=True)
sys.stdin.read()
