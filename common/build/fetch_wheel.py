#!/usr/bin/env python3
"""Downloads one file of a Python package, verified and resumed. Python's standard library only.

    fetch_wheel.py NAME VERSION DEST_FILE [--sha256 HEX] [--filename-tag TAG]

The package index is the one pip would ask: PIP_INDEX_URL, pip's configuration, pip's own default;
pip's certificate and proxy settings hold too. Bytes go to DEST_FILE.part; a broken download goes on
where it stopped, in this run or the next, and DEST_FILE appears only when its SHA-256 is right. A
DEST_FILE that is already there and right is left alone. Two processes may ask for the same file:
the second waits for the first.

Exit codes: 0 done, 2 usage, 3 no such package, version or file, 4 wrong checksum, 5 network or disk.
"""
import argparse
import base64
import fcntl
import hashlib
import html.parser
import json
import os
import platform
import re
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

NOT_FOUND, BAD_CHECKSUM, NETWORK = 3, 4, 5
ATTEMPTS = 6  # in a row without a single new byte
PIECE = 1 << 20


class Failure(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def say(text):
    print(f"fetch_wheel: {text}", file=sys.stderr, flush=True)


# --- what pip is told -----------------------------------------------------------------------------


def pip_config():
    """pip's configuration files as a dictionary such as {'global.cert': '/etc/…'}."""
    asked = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True,
                           text=True, check=False)
    settings = {}
    for line in asked.stdout.splitlines():
        key, _, value = line.partition("=")
        settings[key.strip()] = value.strip().strip("'\"")
    return settings


def pip_setting(name, config):
    """One option as pip sees it: the environment, then `download`, then `global`; or None."""
    return (os.environ.get("PIP_" + name.upper().replace("-", "_"))
            or config.get(f"download.{name}") or config.get(f"global.{name}"))


def index_urls(config):
    first = pip_setting("index-url", config)
    if not first:
        try:
            from pip._internal.models.index import PyPI  # pip's own default, whatever it is
            first = PyPI.simple_url
        except ImportError as error:
            raise Failure(NETWORK, "no package index: set PIP_INDEX_URL, or install pip "
                                   "(python3-pip), whose default is used") from error
    extra = (pip_setting("extra-index-url", config) or "").split()
    return [url.rstrip("/") + "/" for url in [first] + extra]


def make_opener(config):
    context = ssl.create_default_context(cafile=pip_setting("cert", config) or None)
    handlers = [urllib.request.HTTPSHandler(context=context)]
    proxy = pip_setting("proxy", config)
    if proxy:
        handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
    return urllib.request.build_opener(*handlers)


def make_request(url, headers):
    """A request; a user and password in the URL become basic authentication."""
    parts = urllib.parse.urlsplit(url)
    if parts.username:
        pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        headers = dict(headers,
                       Authorization="Basic " + base64.b64encode(pair.encode()).decode())
        host = parts.hostname + (f":{parts.port}" if parts.port else "")
        url = urllib.parse.urlunsplit(parts._replace(netloc=host))
    return urllib.request.Request(url, headers=headers)


# --- the index ------------------------------------------------------------------------------------


class Anchors(html.parser.HTMLParser):
    """Collects (file name, href) of a PEP 503 page."""

    def __init__(self):
        super().__init__()
        self.found, self.href = [], None

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.href = dict(attrs).get("href")

    def handle_data(self, data):
        if self.href and data.strip():
            self.found.append((data.strip(), self.href))
            self.href = None


def parse_page(body, content_type, page_url):
    """Files of a simple page: [{'name', 'url', 'sha256' or None, 'size' or None}]."""
    files = []
    if "json" in content_type:
        for entry in json.loads(body)["files"]:
            files.append({"name": entry["filename"],
                          "url": urllib.parse.urljoin(page_url, entry["url"]),
                          "sha256": entry.get("hashes", {}).get("sha256"),
                          "size": entry.get("size")})
        return files
    anchors = Anchors()
    anchors.feed(body.decode("utf-8", "replace"))
    for name, href in anchors.found:
        url, fragment = urllib.parse.urldefrag(urllib.parse.urljoin(page_url, href))
        files.append({"name": name, "url": url, "size": None,
                      "sha256": fragment[7:] if fragment.startswith("sha256=") else None})
    return files


def list_files(name, config, opener, timeout):
    """The package's files from the first index that knows it."""
    project = re.sub(r"[-_.]+", "-", name).lower()
    problems = []
    for index in index_urls(config):
        request = make_request(index + project + "/", {
            "Accept": "application/vnd.pypi.simple.v1+json, text/html;q=0.1"})
        for attempt in range(ATTEMPTS):
            try:
                with opener.open(request, timeout=timeout) as reply:
                    return parse_page(reply.read(), reply.headers.get("Content-Type", ""),
                                      reply.geturl())
            except urllib.error.HTTPError as error:
                problems.append(f"HTTP status {error.code}")
                if error.code in (404, 410):
                    problems.append("not in the index")
                    break
            except (OSError, ValueError) as error:
                problems.append(str(error))
            time.sleep(min(2 ** attempt, 10) / 4)
    missing = all(text in ("not in the index", "HTTP status 404", "HTTP status 410")
                  for text in problems)
    raise Failure(NOT_FOUND if missing else NETWORK,
                  f"the package index has no usable page for {name}: {problems[-1]}")


def preference(file, tag):
    """Lower is better; None is unusable. Any pure or native wheel of this machine, then an sdist."""
    name, machine = file["name"], platform.machine()
    if tag:
        return 0 if name.endswith(f"-{tag}.whl") else None
    if name.endswith("-none-any.whl"):
        return 0
    if name.endswith(".whl"):
        return 1 if "linux" in name and machine in name else None
    return 2 if name.endswith((".tar.gz", ".zip")) else None


def choose(files, name, version, tag):
    wanted = (re.sub(r"[-_.]+", "-", name) + "-" + version).lower()
    best, best_rank = None, None
    for file in files:
        stem = re.sub(r"\.(tar\.gz|zip)$", "", file["name"])
        if stem.endswith(".whl"):
            stem = "-".join(stem.split("-")[:2])
        if re.sub(r"[-_]+", "-", stem.replace(".", "-")).lower() != wanted.replace(".", "-"):
            continue
        rank = preference(file, tag)
        if rank is not None and (best_rank is None or rank < best_rank):
            best, best_rank = file, rank
    if best is None:
        what = f" with the tag {tag}" if tag else ""
        raise Failure(NOT_FOUND, f"the package index has no file of {name} {version}{what}")
    return best


# --- the download ---------------------------------------------------------------------------------


class Progress:
    """A bar on a terminal, a line every five seconds elsewhere."""

    def __init__(self, name, total):
        self.name, self.total = name, total
        self.bar, self.last = sys.stderr.isatty(), time.monotonic()

    def show(self, done, final=False):
        now = time.monotonic()
        if not final and now - self.last < (0.2 if self.bar else 5.0):
            return
        self.last = now
        mega = f"{done / 1e6:.1f}"
        if self.total:
            mega += f" of {self.total / 1e6:.1f} MB ({100 * done // self.total} %)"
        else:
            mega += " MB"
        if self.bar:
            filled = 30 * done // self.total if self.total else 0
            end = "\n" if final else ""
            sys.stderr.write(f"\r{self.name[:40]} [{'#' * filled:<30}] {mega} {end}")
            sys.stderr.flush()
        else:
            say(f"{self.name}: {mega}")


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def is_right(path, digests):
    return bool(digests) and os.path.exists(path) and digests == {sha256_of(path)}


def receive(opener, file, part, timeout):
    """One request from where `part` ends. True when the server says that this was all."""
    have = os.fstat(part.fileno()).st_size
    if file["size"] and have == file["size"]:
        return True
    request = make_request(file["url"], {"Range": f"bytes={have}-"} if have else {})
    try:
        reply = opener.open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing after `have`: complete, or not the same file any more
            return True
        raise
    with reply:
        if have and reply.status != 206:  # the server begins again; so do we
            part.truncate(0)
            have = 0
        length = reply.headers.get("Content-Length")
        total = file["size"] or (have + int(length) if length else None)
        progress = Progress(file["name"], total)
        while piece := reply.read1(PIECE):
            part.write(piece)
            have += len(piece)
            progress.show(have)
        part.flush()
        progress.show(have, final=True)
    return total is None or have >= total


def receive_all(opener, file, part, timeout):
    fruitless = 0
    while True:
        before = os.fstat(part.fileno()).st_size
        problem = "the connection ended early"
        try:
            if receive(opener, file, part, timeout):
                return
        except urllib.error.HTTPError as error:
            problem = f"HTTP status {error.code}"
            if error.code in (401, 403, 404, 410):
                raise Failure(NETWORK, f"{file['name']}: {problem}") from error
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) in (28, 122):  # ENOSPC, EDQUOT
                raise Failure(NETWORK, f"{part.name}: {error.strerror}; free "
                                       "some space and repeat the command") from error
            problem = str(error)
        part.flush()
        fruitless = fruitless + 1 if os.fstat(part.fileno()).st_size <= before else 0
        if fruitless >= ATTEMPTS:
            raise Failure(NETWORK, f"{file['name']}: {problem}; repeat the command to go on where "
                                   "it stopped")
        say(f"{file['name']}: {problem}; going on")
        time.sleep(min(2 ** fruitless, 20) / 4)


def open_locked(path):
    """The .part file, locked; not one that another process has renamed or removed meanwhile."""
    while True:
        part = open(path, "ab")
        fcntl.flock(part, fcntl.LOCK_EX)
        if os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(part.fileno())):
            return part
        part.close()


def fetch(arguments):
    destination = os.path.abspath(arguments.dest_file)
    pinned = {arguments.sha256.lower()} if arguments.sha256 else set()
    if is_right(destination, pinned):
        return
    config = pip_config()
    timeout = float(pip_setting("timeout", config) or os.environ.get("PIP_DEFAULT_TIMEOUT")
                    or config.get("global.default-timeout") or 60)
    opener = make_opener(config)
    file = choose(list_files(arguments.name, config, opener, timeout), arguments.name,
                  arguments.version, arguments.filename_tag)
    digests = pinned | ({file["sha256"]} if file["sha256"] else set())
    if not digests:
        raise Failure(BAD_CHECKSUM, f"the index gives no SHA-256 for {file['name']}: pass --sha256")
    if len(digests) > 1:
        raise Failure(BAD_CHECKSUM, f"{file['name']}: the index offers SHA-256 {file['sha256']}, "
                                    f"but {arguments.sha256} is asked for")
    os.makedirs(os.path.dirname(destination), exist_ok=True)
    with open_locked(destination + ".part") as part:
        if is_right(destination, digests):
            os.unlink(part.name)
            return
        for _ in range(2):  # a wrong file is fetched once more, whole: its beginning may be stale
            resumed = os.fstat(part.fileno()).st_size > 0
            receive_all(opener, file, part, timeout)
            if is_right(part.name, digests):
                os.fsync(part.fileno())
                os.replace(part.name, destination)
                return
            part.truncate(0)
            if not resumed:
                break
        os.unlink(part.name)
    raise Failure(BAD_CHECKSUM, f"{file['name']}: what arrived has not the SHA-256 "
                                f"{digests.pop()}; nothing was kept")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("version")
    parser.add_argument("dest_file")
    parser.add_argument("--sha256", help="refuse anything else")
    parser.add_argument("--filename-tag", metavar="TAG",
                        help="the wheel's tag, e.g. cp311-cp311-manylinux_2_28_x86_64")
    arguments = parser.parse_args()
    try:
        fetch(arguments)
    except Failure as failure:
        say(str(failure))
        return failure.code
    except OSError as error:
        say(f"{arguments.dest_file}: {error}")
        return NETWORK
    except KeyboardInterrupt:
        say("interrupted; repeat the command to go on where it stopped")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
