# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# apt as the scripts of tools/vm use it: packages on the host, and packages and sources that are only unpacked.

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "not root and no sudo. As root, run: $*"
	fi
}

# One update per set-up, and only once something turns out to be missing.
apt_update()
{
	[ -z "${APT_UPDATED:-}" ] || return 0
	say APT "update"
	quietly "$CACHE/log/apt-update.log" as_root apt-get update -q
	APT_UPDATED=1
}

package_names() { sed -e '/^#/d' -e '/^$/d' "$TOP/tools/vm/packages" | cut -d' ' -f1; }

# in_chroot ROOT DIR COMMAND…: with DIR of the machine at its place; the mounts are nobody else's, and end with it
in_chroot()
{
	# shellcheck disable=SC2016 # the inner shell's
	as_root unshare --mount sh -ec '
		root=$1 dir=$2
		shift 2
		mount -t proc proc "$root/proc"
		mkdir -p "$root$dir"
		mount --bind "$dir" "$root$dir"
		exec chroot "$root" "$@"' sh "$@"
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = 'ii ' ]; }

# missing_packages NAME…: a name with |COMMAND is content with a command that came another way
missing_packages()
{
	local p
	for p; do
		case $p in
		*'|'*) command -v "${p#*|}" >/dev/null || echo "${p%|*}" ;;
		*) is_installed "$p" || echo "$p" ;;
		esac
	done
}

# install_packages NAME…: those that are missing
install_packages()
{
	local missing
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	say APT "install ${missing[*]}"
	apt_update
	quietly "$CACHE/log/apt-install.log" as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# unpack_package NAME ROOT: download a binary package and unpack it under ROOT; nothing is installed
unpack_package()
{
	local dir
	dir=$(mktemp -d "$CACHE/tmp.XXXXXX")
	# apt's own sandbox user cannot write here
	(cd "$dir" && apt-get download -q -o APT::Sandbox::User=root "$1") >"$CACHE/log/download-$1.log" 2>&1 ||
		die "apt-get download $1 failed (log: $CACHE/log/download-$1.log). Try: apt-get update"
	dpkg-deb -x "$dir"/*.deb "$2"
	rm -rf "$dir"
}

# The machine's own Debian mirrors as deb-src lines, kept apart from its configuration.
source_list()
{
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed=
	[ ! -e "$keyring" ] || signed="[signed-by=$keyring] "
	apt-get indextargets --format "deb-src $signed\$(REPO_URI) \$(RELEASE) \$(COMPONENT)" \
		'Created-By: Packages' 'Origin: Debian' 'Component: main' | sort -u
}

# apt_source COMMAND…: apt-get with source packages and a state of its own
apt_source()
{
	local apt=$CACHE/apt
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	apt-get -q -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root \
		-o Acquire::Languages=none "$@"
}

# download_source PACKAGE DIR: the newest source package of the machine's release, not unpacked
download_source()
{
	mkdir -p "$CACHE/apt" "$2"
	source_list >"$CACHE/apt/sources.list"
	[ -s "$CACHE/apt/sources.list" ] || die "apt knows no Debian mirror. Add one to /etc/apt/sources.list, run apt-get update"
	quietly "$CACHE/log/apt-source-update.log" apt_source update
	cd "$2" || return
	quietly "$CACHE/log/apt-source-$1.log" apt_source source --download-only "$1"
	cd - >/dev/null || return
}
