#!/usr/bin/env bash
# Sets this machine up for `make run` (setup.sh run) or `make test` (setup.sh test): system packages by apt, a virtual
# environment, the locked dependencies, the command `gridcommand`. Does nothing that is done already.
set -euo pipefail
cd "$(dirname "$0")"
purpose=${1:-run}

have_postgis() { compgen -G '/usr/share/postgresql/*/extension/postgis.control' >/dev/null; }
have_python() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
can_install() { command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; }
have_mesa() { compgen -G '/usr/share/glvnd/egl_vendor.d/*mesa.json' >/dev/null && compgen -G '/usr/lib/*/dri/swrast_dri.so' >/dev/null; }
have_font() { fc-list ':lang=zh' 2>/dev/null | grep -q .; }

packages=()
if [ -z "${DATABASE_URL:-}${GRIDCOMMAND_DATABASE_URL:-}" ] || [ "$purpose" = test ]; then
  have_postgis || packages+=(postgis)
fi
have_python python3 || packages+=(python3 python3-venv)
if [ "$purpose" = test ]; then
  command -v chromium-headless-shell >/dev/null || packages+=(chromium-headless-shell) # without the windows that nobody sees
  have_mesa || packages+=(libegl1 libegl-mesa0 libgl1-mesa-dri) # draws the tests' maps without a graphics card
  command -v pdftotext >/dev/null || packages+=(poppler-utils) # reads the printed sheet back
  command -v git >/dev/null || packages+=(git) # the house test asks it what is committed
fi
if ! have_font; then
  # The printed sheet is set in it, and the tests' screenshots; the rest of the product needs none on the server.
  if [ "$purpose" = test ] || can_install; then
    packages+=(fonts-noto-cjk fontconfig)
  else
    echo "没有中文字体，办理单暂不能打印 no Chinese font, so that sheets can't be printed: install fonts-noto-cjk" >&2
  fi
fi

if [ ${#packages[@]} -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "缺少软件 missing: ${packages[*]} — this machine has no apt; install them, or name a PostGIS in DATABASE_URL" >&2
    exit 1
  fi
  if [ "$(id -u)" = 0 ]; then as_root=(); elif sudo -n true 2>/dev/null; then as_root=(sudo -n); else as_root=(no); fi
  # Debian names the package after its PostgreSQL version: take the newest on offer.
  newest() { apt-cache search --names-only '^postgresql-[0-9]+-postgis-3$' 2>/dev/null | cut -d' ' -f1 | sort -V | tail -n 1; }
  if [ "${as_root[*]:-}" = no ]; then
    name=$(newest); list="${packages[*]}"
    echo "缺少系统软件包，请以管理员身份执行 system packages are missing; as an administrator type:" >&2
    echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${list//postgis/${name:-postgresql-15-postgis-3}}" >&2
    exit 1
  fi
  echo "正在安装系统软件包 installing system packages: ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get update -qq
  if [[ " ${packages[*]} " == *" postgis "* ]]; then
    name=$(newest)
    [ -n "$name" ] || { echo "apt 没有提供 PostGIS apt offers no postgresql-NN-postgis-3" >&2; exit 1; }
    packages=("${packages[@]/#postgis/$name}")
    # No idle server of the distribution's own beside ours.
    "${as_root[@]}" mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
      echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

lock=requirements.lock
[ "$purpose" = test ] && lock=requirements-dev.lock
stamp=.venv/.installed-$(sha256sum "$lock" | cut -c1-16)
if [ ! -e "$stamp" ]; then
  [ -x .venv/bin/python ] || python3 -m venv .venv
  echo "正在安装 Python 依赖（首次约一分钟） installing the locked dependencies"
  # The lock names every package, so nothing is left to resolve: a dependent's extra would ask for a pin of its own.
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$lock"
  rm -f .venv/.installed-*
  touch "$stamp"
  [ "$purpose" = test ] && touch ".venv/.installed-$(sha256sum requirements.lock | cut -c1-16)"
fi
if [ ! -x .venv/bin/gridcommand ]; then
  printf '#!/bin/sh\nexec "%s/.venv/bin/python" -X utf8 "%s/cli.py" "$@"\n' "$PWD" "$PWD" >.venv/bin/gridcommand
  chmod +x .venv/bin/gridcommand
fi

stamp=assets/vendor/.installed-$(sha256sum assets/package-lock.json | cut -c1-16)
if [ ! -e "$stamp" ]; then
  echo "正在安装浏览器组件 installing the browser's libraries"
  PATH="$PWD/.venv/bin:$PATH" .venv/bin/npm ci --silent --ignore-scripts --no-audit --no-fund --prefix assets
  rm -rf assets/vendor
  mkdir assets/vendor
  cp assets/node_modules/@loaders.gl/mvt/dist/mvt-worker.js assets/vendor/
  rm -rf assets/node_modules
  touch "$stamp"
fi
