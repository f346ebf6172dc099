"""Pictures of camera_sim_http.py, and what can be wrong with them.

  GET /sim/pictures[?fault=FAULT][&delay=S]   sets what is named, and answers with what was counted so far, as JSON:
                            asked (by who may), wrong (passwords), at_once (the most at the same time), gap_ms (the
                            shortest from one to the next, -1 at first)
FAULT: none, hold (until there is another), hang (nothing is answered), busy (503), many (429), moved (302), text (no
picture, though it says so), part (what is announced does not come), cut (the second half is missing, and nothing says
so), damaged (bits of the middle are missing), huge (no end), proxy (Hikvision: 400 on the path of analogue channels)
"""
import json
import threading
import time

BAD_XML = ('<?xml version="1.0" encoding="UTF-8"?><ResponseStatus version="2.0" '
           'xmlns="http://www.hikvision.com/ver20/XMLSchema"><statusCode>6</statusCode><statusString>Invalid XML '
           'Content</statusString><subStatusCode>badXmlContent</subStatusCode></ResponseStatus>')


class Pictures:
    """What all requests for pictures share."""

    def __init__(self, delay):
        self.lock = threading.Lock()
        self.fault, self.delay = 'none', delay
        self.asked = self.wrong = self.running = self.at_once = 0
        self.gap_ms, self.last = -1, None

    def control(self, query):
        with self.lock:
            self.fault = query.get('fault', [self.fault])[0]
            self.delay = float(query.get('delay', [self.delay])[0])
            return self.counted()

    def counted(self):
        return json.dumps({'asked': self.asked, 'wrong': self.wrong, 'at_once': self.at_once, 'gap_ms': self.gap_ms})

    def begin(self):
        with self.lock:
            now = time.monotonic()
            if self.last is not None:
                gap = int((now - self.last) * 1000)
                self.gap_ms = gap if self.gap_ms < 0 else min(gap, self.gap_ms)
            self.asked, self.last = self.asked + 1, now
            self.running += 1
            self.at_once = max(self.at_once, self.running)

    def end(self):
        with self.lock:
            self.running -= 1

    def send(self, handler, jpeg, analogue_path=False):
        """Answers with the picture, or as the fault has it."""
        self.begin()
        try:
            time.sleep(self.delay)
            while self.fault == 'hold':
                time.sleep(0.02)
            self.send_faulty(handler, jpeg, analogue_path)
        finally:
            self.end()

    def send_faulty(self, handler, jpeg, analogue_path):
        fault, half = self.fault, len(jpeg) // 2
        if fault == 'hang':
            handler.close_connection = True
            while handler.connection.recv(4096):  # until the other side gives up
                pass
        elif fault == 'proxy' and analogue_path:
            handler.answer(400, BAD_XML, 'application/xml')
        elif fault in ('busy', 'many', 'moved'):
            status = {'busy': 503, 'many': 429, 'moved': 302}[fault]
            handler.answer(status, 'not now', headers=[('Location', 'http://127.0.0.1:1/')] if status == 302 else [])
        elif fault == 'text':
            handler.answer(200, 'Error\r\nBad Request!\r\n', 'image/jpeg')
        elif fault == 'part':
            handler.close_connection = True
            handler.send_response(200)
            handler.send_header('Content-Length', str(len(jpeg)))
            handler.end_headers()
            handler.wfile.write(jpeg[:half])
        elif fault == 'cut':
            handler.answer(200, jpeg[:half], 'image/jpeg')
        elif fault == 'damaged':
            handler.answer(200, jpeg[:half] + jpeg[-2:], 'image/jpeg')
        elif fault == 'huge':
            handler.begin_stream('image/jpeg')
            handler.wfile.write(jpeg[:half])
            while True:
                handler.wfile.write(b'\0' * 65536)
        else:
            handler.answer(200, jpeg, 'image/jpeg')
