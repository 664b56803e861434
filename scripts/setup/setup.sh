# Sourced by scripts/ttc and scripts/test. `set_up` makes .venv match the pins, or exits with an error on one line.
# Where the stamp in .venv matches the pins and pyproject.toml, it does nothing and takes about 0.1 s. The stamp is
# removed before the first change and written after the last one: the next call starts an interrupted install over.
# vLLM's build is cuda where nvidia-smi lists a GPU, else cpu; TTC_EXTRA=cpu or TTC_EXTRA=cuda overrides this.

ROOT=$(dirname "$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")")
VENV=$ROOT/.venv
STAMP=$VENV/.ttc-stamp
CPU_WHEELS=https://download.pytorch.org/whl/cpu # has torch==...+cpu, which PyPI lacks

set_up() {
    local extra wanted lock
    extra=$(choose_extra)
    wanted="$extra $(fingerprint "$extra")"
    if fits "$wanted"; then return; fi
    mkdir -p "$VENV"
    exec {lock}>"$VENV/.lock"
    if ! flock --nonblock "$lock"; then
        say "waiting for another process to finish setting up $VENV"
        flock "$lock"
    fi
    if ! fits "$wanted"; then install "$extra" "$wanted" >&2; fi
    exec {lock}>&-
}

# A cuda install is kept where no GPU is visible at the moment, as on a cluster's login node.
choose_extra() {
    case ${TTC_EXTRA:-} in
        cpu | cuda) echo "$TTC_EXTRA" ;;
        ?*) die "TTC_EXTRA=$TTC_EXTRA must be cpu or cuda; unset it to detect the hardware." ;;
        *) if [[ $(stamp) == "cuda "* ]] || timeout 10 nvidia-smi -L &>/dev/null; then echo cuda; else echo cpu; fi ;;
    esac
}

# Covers the path of the checkout too: an editable install and the scripts in .venv/bin point to it.
fingerprint() {
    (cd "$ROOT" && pwd -P && cat pyproject.toml "scripts/setup/requirements-$1.txt") | sha256sum | cut -d ' ' -f 1
}

stamp() { cat "$STAMP" 2>/dev/null || true; }

fits() { [[ $(stamp) == "$1" ]] && "$VENV/bin/python" -I -c 'import ttc' &>/dev/null; }

install() {
    local extra=$1 wanted=$2 before
    before=$(stamp)
    rm -f "$STAMP"
    if [[ $before != "$extra "* ]] || ! "$VENV/bin/python" -I -c 'import pip' &>/dev/null; then
        say "creating $VENV for $extra; this takes a few minutes the first time"
        before=
        make_venv
    else
        say "updating $VENV"
    fi
    if ! install_packages "$extra"; then
        # pip downloads everything before it changes anything: the environment still works, and an update is enough.
        if [[ $before ]]; then echo "$before" >"$STAMP"; fi
        die "could not install the packages (see pip's error above); fix the cause and run this command again."
    fi
    echo "$wanted" >"$STAMP"
    say "$VENV is ready"
}

make_venv() {
    local python
    python=$(find_python)
    find "$VENV/" -mindepth 1 -maxdepth 1 ! -name .lock -exec rm -rf {} +
    "$python" -m venv "$VENV" ||
        die "$python -m venv $VENV failed (see its error above); fix the cause and run this command again."
}

# Prints the interpreter below any active virtual environment, which may be the one about to be recreated.
find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11 python3.14; do
        "$candidate" -c 'import ensurepip, sys, venv
if not (3, 11) <= sys.version_info < (3, 15): sys.exit(1)
print(getattr(sys, "_base_executable", sys.executable))' 2>/dev/null && return
    done
    die "no Python 3.11 to 3.14 with the venv module is on PATH;" \
        "install one, e.g. with apt install python3 python3-venv."
}

install_packages() {
    local extra=$1 pins torch
    mapfile -t pins < <(unmet "$ROOT/scripts/setup/requirements-$extra.txt")
    if [[ ${pins[*]} ]]; then say "${#pins[@]} packages to install"; fi
    torch=$(printf '%s\n' "${pins[@]}" | grep '^torch==') || true
    # torch separately: no other package is ever looked up on the second index.
    if [[ $torch == *+cpu ]]; then
        pip_install "$torch" 2>/dev/null ||
            pip_install --timeout 15 --retries 2 --index-url "$CPU_WHEELS" "$torch" || return
    fi
    if [[ ${pins[*]} ]]; then pip_install "${pins[@]}" || return; fi
    pip_install --quiet --no-build-isolation -e "$ROOT"
}

# Prints the pins that .venv does not satisfy.
unmet() {
    "$VENV/bin/python" -I -c '
import importlib.metadata, re, sys
met = {(re.sub("[-_.]+", "-", d.name).lower(), d.version) for d in importlib.metadata.distributions()}
pins = [line.strip() for line in open(sys.argv[1]) if "==" in line and not line.startswith("#")]
print(*(pin for pin in pins if tuple(pin.split("==")) not in met), sep="\n", end="")' "$1"
}

pip_install() { "$VENV/bin/python" -m pip --disable-pip-version-check --no-input install --no-deps "$@" </dev/null; }

say() { echo "ttc: $*" >&2; }

die() {
    say "$*"
    exit 1
}
