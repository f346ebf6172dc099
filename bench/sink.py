"""What takes the place of a store that stands somewhere else."""
import hashlib
import http.server
import multiprocessing
import os
import threading
import time

LARGEST_HASHED = 4 << 20  # whose ETag is an MD5, which an uploader may compare


class Sink:
    """Takes every object and keeps none: what a store costs the machine that uploads when it stands somewhere else. It
    reads no faster than `mbit` says (0: as fast as it can), as the link there would."""

    def __init__(self, mbit=0):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(mbit * 1e6 / 8))
        server.handle_error = lambda *_: None  # an uploader that is ended in the middle
        self.endpoint = f"http://127.0.0.1:{server.server_port}"
        self.process = multiprocessing.get_context("fork").Process(target=serve, args=(server,), daemon=True)
        self.process.start()
        server.socket.close()  # the process has it

    def put_url(self, key):
        return f"{self.endpoint}/bench/{key}"

    def forget(self, prefix):
        pass

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            return sum(int(field) for field in f.read().rpartition(")")[2].split()[11:13]) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.process.kill()
        self.process.join()


def serve(server):
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    server.serve_forever()


def handler(bytes_per_s):
    """As much of S3 as an upload needs, in one request or in parts."""
    objects, lock, read = {}, threading.Lock(), [time.monotonic()]

    def pace(count):
        with lock:
            read[0] = max(read[0], time.monotonic() - 0.01) + count / bytes_per_s
            due = read[0]
        time.sleep(max(0, due - time.monotonic()))

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # a body behind its header would wait 40 ms for an acknowledgement

        def setup(self):
            super().setup()
            self.buffer = memoryview(bytearray(256 << 10))

        def body(self, md5=None):
            left = int(self.headers["content-length"] or 0)
            while left > 0:
                got = self.rfile.readinto(self.buffer[:min(left, len(self.buffer))])
                if got == 0:
                    raise ConnectionResetError
                left -= got
                if bytes_per_s:
                    pace(got)
                if md5:
                    md5.update(self.buffer[:got])

        def do_PUT(self):
            size = int(self.headers["content-length"])
            md5 = hashlib.md5() if size <= LARGEST_HASHED else None
            self.body(md5)
            if "partNumber" in self.path:
                with lock:
                    objects[self.path.partition("?")[0]]["size"] += size
            self.answer(200, {"ETag": f'"{md5.hexdigest() if md5 else "00-1"}"'})

        def do_POST(self):
            self.body()
            path, _, query = self.path.partition("?")
            if query.startswith("uploads"):
                objects[path] = {"size": 0, "sha256": self.headers["x-amz-meta-sha256"]}
                self.answer(200, {}, "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
            else:
                objects[path]["whole"] = True
                self.answer(200, {}, '<CompleteMultipartUploadResult><ETag>"00-1"</ETag></CompleteMultipartUploadResult>')

        def do_HEAD(self):
            there = objects.get(self.path)
            if not there or "whole" not in there:
                return self.answer(404, {})
            self.answer(200, {"ETag": '"00-1"', "x-amz-meta-sha256": there["sha256"]}, size=there["size"])

        def do_GET(self):
            self.answer(404, {})

        def answer(self, status, headers, text="", size=None):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text) if size is None else size))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    return Handler
