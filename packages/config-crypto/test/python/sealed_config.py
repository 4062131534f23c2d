"""docs/sealed-config.md in another language: what it says, and nothing of what the package does.

usage: sealed_config.py read FILE KEK_HEX | write FILE KEK_HEX (values on standard input)
       sealed_config.py passphrase FILE PASSPHRASE | fernet FILE KEY_FILE (values on standard input) | unfernet FILE KEY_FILE
"""

import base64
import hashlib
import hmac
import json
import os
import struct
import sys
import unicodedata

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

L = "portcullis/config/v1/"
DAY = "2026-11-22"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert b64(data) == text
    return data


def derive(secret, salt, purpose, size=32):
    return HKDF(hashes.SHA256(), size, salt or None, (L + purpose).encode()).derive(secret)


def bound(purpose, file_id, text):
    return (L + purpose).encode() + b"\0" + file_id + text.encode()


def seal(key, data, aad):
    nonce = os.urandom(12)
    return b64(nonce + AESGCM(key).encrypt(nonce, data, aad))


def open_sealed(key, text, aad):
    data = unb64(text)
    return AESGCM(key).decrypt(data[:12], data[12:], aad)


def encode(value):
    if value is None:
        return b"n"
    if value is True:
        return b"t"
    if value is False:
        return b"f"
    if isinstance(value, (int, float)):
        return b"d" + struct.pack(">d", value or 0.0)
    if isinstance(value, str):
        data = value.encode()
        return b"s" + struct.pack(">I", len(data)) + data
    if isinstance(value, list):
        return b"a" + struct.pack(">I", len(value)) + b"".join(map(encode, value))
    members = sorted(value.items(), key=lambda member: member[0].encode())
    return b"o" + struct.pack(">I", len(members)) + b"".join(encode(name) + encode(each) for name, each in members)


def mac_of(mac_key, file):
    sealed = {name: value for name, value in file["sealed"].items() if name != "mac"}
    content = (L + "mac").encode() + b"\0" + encode({"sealed": sealed, "config": file["config"]})
    return hmac.new(mac_key, content, hashlib.sha256).digest()


def unique(members):
    names = [name for name, _ in members]
    assert len(names) == len(set(names)) and "__proto__" not in names
    return dict(members)


def revealed(node, pointer, value_key, file_id):
    if isinstance(node, str) and node.startswith("enc:"):
        _, version, day, payload = node.split(":")
        assert version == "v1"
        return json.loads(open_sealed(value_key, payload, bound("value", file_id, day + pointer)))
    if isinstance(node, list):
        return [revealed(item, f"{pointer}/{index}", value_key, file_id) for index, item in enumerate(node)]
    if isinstance(node, dict):
        return {
            name: revealed(item, pointer + "/" + name.replace("~", "~0").replace("/", "~1"), value_key, file_id)
            for name, item in node.items()
        }
    return node


def open_file(path, kek_of):
    with open(path, encoding="utf-8") as stream:
        file = json.load(stream, object_pairs_hook=unique)
    header = file["sealed"]
    assert header["v"] == 1 and header["aead"] == "A256GCM"
    file_id = unb64(header["id"])
    entry, kek = kek_of(header["keys"])
    data_key = open_sealed(derive(kek, file_id, "wrap"), entry["wrapped"], bound("wrap", file_id, entry["kid"]))
    assert hmac.compare_digest(mac_of(derive(data_key, file_id, "mac"), file), unb64(header["mac"]))
    return revealed(file["config"], "", derive(data_key, file_id, "values"), file_id)


def by_key(kek):
    kid = derive(kek, b"", "kid", 8).hex()
    return lambda entries: (next(entry for entry in entries if entry["kid"] == kid), kek)


def by_passphrase(passphrase):
    def find(entries):
        for entry in entries:
            if entry["kind"] != "passphrase":
                continue
            kdf = entry["kdf"]
            secret = unicodedata.normalize("NFC", passphrase).encode()
            kek = Scrypt(unb64(kdf["salt"]), 32, kdf["N"], kdf["r"], kdf["p"]).derive(secret)
            if derive(kek, b"", "kid", 16).hex() == entry["kid"]:
                return entry, kek
        raise SystemExit("no such passphrase")

    return find


def padded(text):
    data = text.encode()
    size = 32
    while size < len(data) and size < 1024:
        size *= 2
    if size < len(data):
        size = -(-len(data) // 1024) * 1024
    return data.ljust(size)


def write_file(path, kek, values):
    file_id, data_key = os.urandom(16), os.urandom(32)
    value_key = derive(data_key, file_id, "values")
    kid = derive(kek, b"", "kid", 8).hex()
    wrapped = seal(derive(kek, file_id, "wrap"), data_key, bound("wrap", file_id, kid))
    config = {
        name: "enc:v1:%s:%s" % (DAY, seal(value_key, padded(json.dumps(value)), bound("value", file_id, DAY + "/" + name)))
        for name, value in values["sealed"].items()
    }
    config.update(values["plain"])
    header = {
        "v": 1,
        "id": b64(file_id),
        "rev": 7,
        "aead": "A256GCM",
        "dataKeyFrom": DAY,
        "keys": [{"kid": kid, "kind": "key", "created": DAY, "wrap": "A256GCM", "wrapped": wrapped}],
    }
    file = {"config": config, "sealed": header}
    header["mac"] = b64(mac_of(derive(data_key, file_id, "mac"), file))
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(file, stream, ensure_ascii=True)
    os.chmod(path, 0o600)


def write_fernet(path, key_file, values):
    key = Fernet.generate_key()
    with open(key_file, "wb") as stream:
        stream.write(key)
    os.chmod(key_file, 0o600)
    file = dict(values["plain"])
    for name, value in values["sealed"].items():
        file["encrypted_" + name] = Fernet(key).encrypt(value.encode()).decode()
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(file, stream)


def read_fernet(path, key_file):
    with open(key_file, "rb") as stream:
        fernet = Fernet(stream.read())
    with open(path, encoding="utf-8") as stream:
        file = json.load(stream)
    prefix = "encrypted_"
    return {
        name[len(prefix) :] if name.startswith(prefix) else name: fernet.decrypt(value.encode()).decode()
        if name.startswith(prefix)
        else value
        for name, value in file.items()
    }


def main(command, path, key):
    if command == "read":
        print(json.dumps(open_file(path, by_key(bytes.fromhex(key)))))
    elif command == "passphrase":
        print(json.dumps(open_file(path, by_passphrase(key))))
    elif command == "write":
        write_file(path, bytes.fromhex(key), json.load(sys.stdin))
    elif command == "fernet":
        write_fernet(path, key, json.load(sys.stdin))
    elif command == "unfernet":
        print(json.dumps(read_fernet(path, key)))


main(*sys.argv[1:])
