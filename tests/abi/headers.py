#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Reads the public headers: what they declare, and what of it has no comment.
"""Usage: headers.py FOLDER: prints each declaration of FOLDER/*.h that has no comment."""
import os
import re
import sys


class Struct:
    def __init__(self, name, path, line):
        self.name, self.path, self.line = name, path, line
        self.members = []  # (name, line)


class Headers:
    """What the headers of a folder declare."""

    def __init__(self, folder):
        self.folder = folder
        self.structs, self.enumerators, self.functions, self.constants, self.uncommented = [], [], [], [], []
        self.enums, self.callbacks = [], []
        self.texts = []  # constants that are strings
        self.signatures = {}  # of a function: what it returns, what it takes
        for name in sorted(os.listdir(folder)):
            if name.endswith(".h"):
                self.read(name)

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            lines = file.read().split("\n")
        HeaderReader(self, name, lines).run()

    def miss(self, path, line, what):
        self.uncommented.append((path, line + 1, what))


class HeaderReader:
    """One header, line by line: the house style puts one declaration on a line, and braces on their own."""

    def __init__(self, headers, path, lines):
        self.headers, self.path, self.lines = headers, path, lines

    def run(self):
        number = 0
        while number < len(self.lines):
            number = self.read_at(number)

    def read_at(self, number):
        """Reads the declaration at a line, if there is one. Returns: the line to go on with."""
        line = self.lines[number]
        if re.match(r"^(typedef )?(struct|enum)\b[^;]*$", line) and self.lines[number + 1].strip() == "{":
            return self.read_block(number)
        if line.startswith("static inline"):
            return self.read_function(number)
        match = re.match(r"#define (CEPA_\w+)(\(?)", line)
        if match and not re.match(r"CEPA_\w+_H$", match.group(1)):
            # The two arms of an #ifdef have one comment.
            if not self.has_comment(number) and not self.lines[number - 1].startswith(("#ifdef", "#else")):
                self.headers.miss(self.path, number, match.group(1))
            if not match.group(2):
                self.read_constant(match.group(1), line)
        elif line.startswith("typedef "):
            self.read_typedef(number)
        return number + 1

    def read_constant(self, name, line):
        value = re.sub(r"/\*.*", "", line.split(name, 1)[1]).strip()
        if value.startswith('"'):
            self.headers.texts.append(name)
        elif re.match(r"\d|\(?U?INT\d+_", value):
            self.headers.constants.append(name)

    def has_comment(self, number, end=None):
        """Whether a comment ends in the line before, or begins in one of the declaration's."""
        if number > 0 and self.lines[number - 1].rstrip().endswith("*/") and not re.match(
                r"^.*;\s*/\*.*\*/$", self.lines[number - 1]):
            return True
        return any("/*" in line for line in self.lines[number:(end or number) + 1])

    def read_typedef(self, number):
        line = self.lines[number]
        callback = re.search(r"\(\*(\w+)\)", line)
        name = callback.group(1) if callback else re.findall(r"\w+", line.split(";")[0])[-1]
        if callback:
            self.headers.callbacks.append(name)
        if not self.has_comment(number):
            self.headers.miss(self.path, number, name)

    def read_function(self, number):
        name = re.match(r"(\w+)", self.lines[number + 1]).group(1)
        self.headers.functions.append(name)
        end = self.lines.index("{", number)
        takes = " ".join(part.strip() for part in self.lines[number + 1:end])[len(name):].strip()
        self.headers.signatures[name] = (self.lines[number].replace("static inline ", ""), takes)
        if not self.has_comment(number):
            self.headers.miss(self.path, number, name)
        return number + 2

    def find_documented(self, number):
        """The @names of the comment that ends before a line."""
        start = number - 1
        while start > 0 and not self.lines[start].lstrip().startswith("/*"):
            start -= 1
        return set(re.findall(r"^ \* @(\w+):", "\n".join(self.lines[start:number]), re.MULTILINE))

    def read_block(self, number):
        head = self.lines[number]
        end = number
        while not self.lines[end].startswith("}"):
            end += 1
        tag = re.match(r"^struct _(\w+)", head)
        closing = re.match(r"^} (\w+);", self.lines[end])
        name = tag.group(1) if tag else closing.group(1) if closing else ""
        if not self.has_comment(number):
            self.headers.miss(self.path, number, name or "enum")
        if "enum" in head:
            if name:
                self.headers.enums.append(name)
            self.headers.enumerators += re.findall(r"^\s+(CEPA_\w+) =", "\n".join(self.lines[number:end]), re.MULTILINE)
        else:
            struct = Struct(name, self.path, number)
            self.headers.structs.append(struct)
            self.read_members(struct, number, end)
        return end + 1

    def read_members(self, struct, start, end):
        documented = self.find_documented(start)
        number = start + 2
        inside = False
        while number < end:
            line = self.lines[number]
            text = re.sub(r"/\*.*?\*/", "", line).strip()
            if inside or text.startswith("/*") or text == "" or text.startswith("*"):
                inside = (inside or "/*" in text) and "*/" not in text
                number += 1
                continue
            last = number
            while ";" not in self.lines[last].split("/*")[0]:
                last += 1
            declaration = re.sub(r"/\*.*", "", " ".join(part.strip() for part in self.lines[number:last + 1]))
            names = find_names(declaration)
            for name in names:
                struct.members.append((name, number))
            if not set(names) <= documented and not self.has_comment(number, last):
                self.headers.miss(self.path, number, f"{struct.name}.{names[0]}")
            number = last + 1
            while number < end and "/*" in self.lines[number - 1] and "*/" not in self.lines[number - 1].split("/*")[-1]:
                number += 1


def find_names(declaration):
    """The names that a member's declaration declares."""
    pointer = re.search(r"\(\*\s*(\w+)\)\s*\(", declaration)
    if pointer is None:
        pointer = re.search(r"\(\*(\w+)\) \(", declaration)
    if pointer:
        return [pointer.group(1)]
    return [re.search(r"(\w+)\s*(\[[^\]]*\])?\s*;?\s*$", part).group(1) for part in declaration.rstrip("; ").split(",")]


def main():
    headers = Headers(sys.argv[1])
    for path, line, what in headers.uncommented:
        print(f"{path}:{line}: {what} has no comment")
    return 1 if headers.uncommented else 0


if __name__ == "__main__":
    sys.exit(main())
