# SPDX-License-Identifier: BSD-3-Clause
# A name server for the exits: knows the names that it is told and denies all others (RFC 1035, RFC 3596).

import ipaddress
import socket
import struct
import threading

TYPE_A, TYPE_PTR, TYPE_AAAA = 1, 12, 28
CLASS_IN = 1
FLAGS_ANSWER = 0x8580  # response, authoritative, recursion desired and available
RCODE_NXDOMAIN = 3
TTL_SECONDS = 60
NAME_AT_QUESTION = b"\xc0\x0c"


def encode_name(name):
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".")]
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def parse_question(message):
    """(name in lower case, type, the question's own bytes). The bytes go back as they came: tor sends names
    in random case and compares (ServerDNSRandomizeCase)."""
    position, labels = 12, []
    while message[position]:
        length = message[position]
        labels.append(message[position + 1:position + 1 + length].decode("ascii"))
        position += 1 + length
    kind, _ = struct.unpack_from("!HH", message, position + 1)
    return ".".join(labels).lower(), kind, message[12:position + 5]


class NameServer:
    """Answers over UDP at `address` on a free port, in a thread. `names` maps a name in lower case to a list
    of addresses; None instead of the list makes the server keep silent about that name. It may be changed at
    any time."""

    def __init__(self, address, names):
        self.names = names
        self._closing = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self.address, self.port = self._socket.getsockname()
        self._thread = threading.Thread(target=self._serve, name="dns", daemon=True)
        self._thread.start()

    def close(self):
        self._closing = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (self.address, self.port))
        self._thread.join(5)
        self._socket.close()

    def _serve(self):
        while not self._closing:
            message, client = self._socket.recvfrom(4096)
            try:
                answer = self.answer(message)
            except (IndexError, struct.error, UnicodeDecodeError):
                continue
            if answer:
                self._socket.sendto(answer, client)

    def answer(self, message):
        """The answer to one query, or None for silence."""
        name, kind, question = parse_question(message)
        if kind == TYPE_PTR:
            records = [(TYPE_PTR, encode_name(host)) for host in self._hosts_of(name)]
            rcode = 0 if records else RCODE_NXDOMAIN
        else:
            addresses = self.names.get(name, ())
            if addresses is None:
                return None
            records = [record for record in map(self._address_record, addresses) if record[0] == kind]
            rcode = 0 if addresses else RCODE_NXDOMAIN
        head = message[:2] + struct.pack("!HHHHH", FLAGS_ANSWER | rcode, 1, len(records), 0, 0)
        body = b"".join(NAME_AT_QUESTION + struct.pack("!HHIH", code, CLASS_IN, TTL_SECONDS, len(data)) + data
                        for code, data in records)
        return head + question + body

    def _hosts_of(self, pointer):
        """Names whose address's PTR name is `pointer`; the first that was told only, as name servers do."""
        for host, addresses in list(self.names.items()):
            for address in addresses or ():
                if ipaddress.ip_address(address).reverse_pointer == pointer:
                    return [host]
        return []

    @staticmethod
    def _address_record(address):
        parsed = ipaddress.ip_address(address)
        return (TYPE_A if parsed.version == 4 else TYPE_AAAA, parsed.packed)
