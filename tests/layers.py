#!/usr/bin/env python3
"""Checks who includes whom: the rules of docs/design, enforced.

usage: layers.py CHECKOUT       prints each wrong include as file:line, exit status 1 when there is one
       layers.py --self-test    checks this program on a made-up tree
"""
import pathlib
import re
import sys
import tempfile

# folder -> the folders that it may include from, beside itself
MAY_INCLUDE = {
    'core': [],
    'media': ['core'],
    'net': ['core'],
    'mqtt': ['core'],
    'http': ['core'],
    'sources': ['media', 'net', 'core'],
    'storage': ['media', 'core'],
    'uploader': ['storage', 'net', 'core'],
    'otlp': ['net', 'core'],
    'live': ['media', 'http', 'core'],
    'annotations': ['storage', 'core'],
    'ctl': ['mqtt', 'net', 'core'],
    'agent': ['core', 'media', 'net', 'mqtt', 'http', 'sources', 'storage', 'uploader', 'live', 'otlp', 'annotations'],
}

# Of these folders, only what these includers need: (includer, included) -> headers
ONLY_HEADERS = {
    ('uploader', 'storage'): ['storage/catalog.h', 'storage/clip.h', 'storage/layout.h'],
}

# A C library (or a heavy C++ one) has one door: pattern of its headers -> the folders behind whose door it is
DOORS = [
    (re.compile(r'lib(av\w+|sw\w+)/'), ['media']),
    (re.compile(r'libdeflate\.h$'), ['core']),
    (re.compile(r'sqlite3\.h$'), ['storage']),
    (re.compile(r'curl/'), ['net']),
    (re.compile(r'(mosquitto|mqtt_protocol)\.h$'), ['mqtt']),
    (re.compile(r'boost/'), ['http']),
    (re.compile(r'openssl/'), ['core', 'uploader', 'sources', 'mqtt']),
    (re.compile(r'srt/'), ['sources']),
    (re.compile(r'pugixml'), ['sources']),
    (re.compile(r'linux/videodev2'), ['sources']),
    (re.compile(r'dlfcn'), ['sources']),
    (re.compile(r'spdlog/'), ['core']),
    (re.compile(r'CLI/'), ['agent', 'ctl']),
    (re.compile(r'prometheus/'), ['agent', 'http']),
]

# It takes seconds to compile; headers have <nlohmann/json_fwd.hpp>.
HEAVY_IN_A_HEADER = 'nlohmann/json.hpp'

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def check_ours(folder, included):
    """What is wrong with "folder/header.h" in a file of `folder`, or None."""
    if '/' not in included or included.startswith('.'):
        return f'"{included}" is not named from the root of the checkout'
    target = included.split('/')[0]
    if target == folder:
        return None
    if target in ('tests', 'bench'):
        return f'product code includes {included}'
    if target not in MAY_INCLUDE[folder]:
        allowed = ', '.join(MAY_INCLUDE[folder]) or 'nothing of ours'
        return f'{folder} includes {included}; it may include {allowed}'
    only = ONLY_HEADERS.get((folder, target))
    if only and included not in only:
        return f'{folder} includes {included}; of {target} only {", ".join(only)}'
    return None


def check_library(folder, is_header, included):
    """What is wrong with <included>, or None."""
    if included == HEAVY_IN_A_HEADER and is_header:
        return f'{included} in a header; take nlohmann/json_fwd.hpp'
    for pattern, folders in DOORS:
        if pattern.match(included) and folder not in folders:
            return f'{included} is for {" and ".join(folders)} only'
    return None


def check_file(folder, path):
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        included = match[2]
        error = check_library(folder, path.suffix == '.h', included)
        if not error and match[1] == '"':
            error = check_ours(folder, included)
        if error:
            yield number, error


def check_tree(root):
    """All errors of a checkout, as (file relative to root, line, message)."""
    errors = []
    for folder in MAY_INCLUDE:
        for path in sorted((root / folder).rglob('*')):
            if path.suffix in ('.h', '.cpp'):
                errors += [(str(path.relative_to(root)), *error) for error in check_file(folder, path)]
    return errors


def self_test():
    good = {
        'core/a.cpp': '#include "core/a.h"\n#include <openssl/evp.h>\n#include <nlohmann/json.hpp>\n',
        'core/a.h': '#include <string>\n#include <nlohmann/json_fwd.hpp>\n',
        'media/a.cpp': 'extern "C" {\n#include <libavformat/avformat.h>\n}\n',
        'uploader/a.cpp': '#include "storage/catalog.h"\n#include "net/http_client.h"\n',
        'agent/a.cpp': '#include "uploader/a.h"\n#include <CLI/CLI.hpp>\n',
        'tests/a.cpp': '#include "agent/a.h"\n#include <mosquitto.h>\n',
    }
    bad = {
        'core/b.cpp': '#include "media/ring.h"\n',
        'core/c.h': '#include <string>\n\n  #  include <nlohmann/json.hpp>\n',
        'media/b.cpp': '#include "storage/clip.h"\n',
        'storage/b.cpp': '#include <libavcodec/avcodec.h>\n',
        'storage/c.cpp': '#include "tests/support/wait.h"\n',
        'sources/b.cpp': '#include "bench/ring.h"\n',
        'uploader/b.cpp': '#include "storage/database.h"\n',
        'uploader/c.cpp': '#include "media/packet.h"\n',
        'mqtt/b.cpp': '#include <sqlite3.h>\n',
        'net/b.cpp': '#include "client.h"\n',
        'net/c.cpp': '#include "../core/clock.h"\n',
        'agent/b.h': '#include <mosquitto.h>\n',
        'agent/c.cpp': '#include <curl/curl.h>\n',
        'ctl/b.cpp': '#include "agent/config.h"\n',
    }
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in {**good, **bad}.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text, encoding='utf-8')
        found = check_tree(root)
    assert sorted(name for name, _, _ in found) == sorted(bad), found
    assert ('core/c.h', 3, 'nlohmann/json.hpp in a header; take nlohmann/json_fwd.hpp') in found, found
    print(f'{len(found)} wrong includes found, as planted')


def main(argv):
    if argv[1:] == ['--self-test']:
        self_test()
        return 0
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    errors = check_tree(pathlib.Path(argv[1]))
    for name, line, message in errors:
        print(f'{name}:{line}: {message}')
    return 1 if errors else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
