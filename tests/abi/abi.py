#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# The interface of plugins as it was recorded, and what has become of it.
"""Two records of each version: frozen-1.N.c, assertions on the place, size, value and signature of everything in the headers,
which must hold for ever; and cepa-1.N.abi, what abidw (package abigail-tools) makes of an object that uses every public
type. Of the version that the headers are of, both must stay the same until the minor is raised."""
import difflib
import os
import re
import subprocess
import tempfile

import headers as public

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
HEADERS = os.path.join(ROOT, "sdk")
README = os.path.join(ROOT, "sdk", "README.md")


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)


def compile_c(source, folder, *arguments):
    """Compiles with the headers of @folder (which has cepa/ in it). Returns: what the compiler said, "" when it is well."""
    glib = run("pkg-config", "--cflags", "glib-2.0").stdout.split()
    result = run("gcc", "-std=gnu17", "-Werror=incompatible-pointer-types", "-I", folder, *glib, source, *arguments)
    return result.stdout if result.returncode else ""


def read_version(folder):
    with open(os.path.join(folder, "cepa", "version.h"), encoding="utf-8") as file:
        text = file.read()
    return tuple(int(re.search(rf"#define CEPA_ABI_{part} (\d+)", text).group(1)) for part in ("MAJOR", "MINOR"))


def read_versions(readme):
    """The table of versions in sdk/README.md: {"1.0": whether it was released}."""
    with open(readme, encoding="utf-8") as file:
        rows = re.findall(r"^\| (\d+\.\d+) \| ([^|]*) \|", file.read(), re.MULTILINE)
    return {version: released.strip() != "not yet" for version, released in rows}


def is_growing(struct):
    """Structs that begin with their size may grow; so may those whose arrays have a stride. CepaPath is inside another."""
    return struct.name != "CepaPath" and (struct.members[0][0] == "size" or struct.name in ("CepaRelay",
                                                                                            "CepaPluginOption"))


def make_frozen(folder, version):
    """The text of frozen-1.N.c for the headers of @folder."""
    found = public.Headers(os.path.join(folder, "cepa"))
    wanted = []  # (expression, operator)
    for struct in found.structs:
        wanted.append((f"sizeof ({struct.name})", ">=" if is_growing(struct) else "=="))
        for member, _ in struct.members:
            wanted.append((f"offsetof ({struct.name}, {member})", "=="))
            wanted.append((f"sizeof ((({struct.name} *) 0)->{member})", "=="))
    wanted += [(f"(long long) {name}", "==") for name in found.enumerators]
    wanted += [(name, "==") for name in found.constants if not name.startswith("CEPA_ABI_MINOR")]
    values = evaluate(folder, [expression for expression, _ in wanted])
    lines = ["/* SPDX-License-Identifier: BSD-3-Clause */",
             f"/* What was where in version {version} of the interface, recorded by tests/abi/record. It holds for every later",
             f"   version of the same major: plugins that were built for {version} are still there. */",
             "#include <cepa/cepa.h>", "", "#ifndef __LP64__", "#error \"the numbers are of machines with 64 bits\"", "#endif",
             ""]
    lines += [f"_Static_assert ({expression} {operator} {value}, \"{expression}\");"
              for (expression, operator), value in zip(wanted, values)]
    lines += [f"_Static_assert (__builtin_strcmp ({name}, {value}) == 0, \"{name}\");"
              for name, value in zip(found.texts, evaluate_texts(folder, found.texts))]
    lines += ["", "/* Types and functions that there were. */"]
    lines += [f"extern {name} frozen_{name};" for name in found.enums + found.callbacks]
    for name in found.functions:
        returned, taken = found.signatures[name]
        lines.append(f"{returned}{'' if returned.endswith('*') else ' '}(*const frozen_{name}) {taken} = {name};")
    return "\n".join(lines + [""])


def evaluate(folder, expressions):
    """Their values, as the compiler has them."""
    return print_all(folder, [f'printf ("%lld\\n", (long long) ({expression}));' for expression in expressions])


def evaluate_texts(folder, names):
    return print_all(folder, [f'printf ("\\"%s\\"\\n", {name});' for name in names])


def print_all(folder, statements):
    """What a program says, line by line, that includes the headers and does this."""
    with tempfile.TemporaryDirectory() as scratch:
        source, program = os.path.join(scratch, "values.c"), os.path.join(scratch, "values")
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <cepa/cepa.h>\n#include <stdio.h>\nint\nmain (void)\n{\n")
            file.writelines(f"  {statement}\n" for statement in statements)
            file.write("  return 0;\n}\n")
        libraries = run("pkg-config", "--libs", "glib-2.0").stdout.split()
        problem = compile_c(source, folder, "-o", program, *libraries)
        if problem:
            raise RuntimeError(problem)
        return run(program).stdout.split()


def make_dump(folder, output):
    """Writes what abidw makes of an object that uses every public type."""
    found = public.Headers(os.path.join(folder, "cepa"))
    with tempfile.TemporaryDirectory() as scratch:
        source, module = os.path.join(scratch, "types.c"), os.path.join(scratch, "types.so")
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <cepa/cepa.h>\n")
            file.writelines(f"{name} abi_{name};\n"
                            for name in [struct.name for struct in found.structs] + found.enums + found.callbacks)
        problem = compile_c(source, folder, "-g", "-shared", "-fPIC", f"-ffile-prefix-map={scratch}=.", "-o",
                            module)
        if problem:
            raise RuntimeError(problem)
        result = run("abidw", "--no-show-locs", "--no-corpus-path", "--no-comp-dir-path", "--no-write-default-sizes",
                     "--out-file", output, module)
        if result.returncode != 0:
            raise RuntimeError(result.stdout)


def find_problems(folder=HEADERS, readme=README, records=HERE):
    """What is wrong with the headers of @folder, as sentences."""
    major, minor = read_version(folder)
    version = f"{major}.{minor}"
    versions = read_versions(readme)
    problems = []
    if version not in versions:
        problems.append(f"sdk/README.md has no line {version} in its table of versions: say there what is new")
    for old in sorted(versions):
        frozen = os.path.join(records, f"frozen-{old}.c")
        if not os.path.exists(frozen):
            problems.append(f"version {old} was not recorded: run tests/abi/record")
        elif old.split(".")[0] == str(major):
            said = compile_c(frozen, folder, "-fsyntax-only")
            if said:
                problems.append(f"plugins that were built for version {old} would break: "
                                f"{'; '.join(re.findall(r'error: (.*)', said)[:3])}")
    baseline = os.path.join(records, f"cepa-{version}.abi")
    if os.path.exists(baseline):
        problems += compare(folder, records, version)
    elif version in versions:
        problems.append(f"version {version} was not recorded: run tests/abi/record")
    return problems


def compare(folder, records, version):
    """What is not as it was recorded for the version that the headers are of: what was taken away, changed or added."""
    with tempfile.TemporaryDirectory() as scratch:
        now = os.path.join(scratch, "now.abi")
        try:
            make_dump(folder, now)
            lines = make_frozen(folder, version).splitlines()
        except RuntimeError as error:
            return [f"the headers do not compile: {error}"]
        result = run("abidiff", "--harmless", "--no-show-locs", os.path.join(records, f"cepa-{version}.abi"), now)
    with open(os.path.join(records, f"frozen-{version}.c"), encoding="utf-8") as file:
        changes = [line for line in difflib.unified_diff(file.read().splitlines(), lines, lineterm="", n=0)
                   if re.match(r"[-+][^-+]", line)]
    if result.returncode == 0 and not changes:
        return []
    return [f"the interface is not what was recorded as version {version}: raise CEPA_ABI_MINOR, give the new version a "
            f"line in sdk/README.md, and run tests/abi/record. What has changed:\n"
            + "\n".join(changes + [result.stdout])]


def record(folder=HEADERS, readme=README, records=HERE):
    """Records the version of the headers. Returns: (nullable): why not."""
    version = "{}.{}".format(*read_version(folder))
    versions = read_versions(readme)
    if version not in versions:
        return f"sdk/README.md has no line {version} in its table of versions"
    if versions[version] and os.path.exists(os.path.join(records, f"cepa-{version}.abi")):
        return f"version {version} was released: raise CEPA_ABI_MINOR in sdk/cepa/version.h instead"
    make_dump(folder, os.path.join(records, f"cepa-{version}.abi"))
    with open(os.path.join(records, f"frozen-{version}.c"), "w", encoding="utf-8") as file:
        file.write(make_frozen(folder, version))
    return None
