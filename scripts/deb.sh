#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# deb.sh VERSION - build dist/postrider_VERSION_ARCH.deb from what `make install` puts there and
# etc/debian, with dpkg alone. The package depends on the libraries of the system it is built on.
set -euo pipefail
. "${0%/*}/lib.sh"
cd "${0%/*}/.."

[ $# -eq 1 ] || die "which version?"
VERSION=$1
scripts/install-deps.sh deb
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
ROOT=$WORK/root
DOC=$ROOT/usr/share/doc/postrider
umask 022

make -s install DESTDIR="$ROOT" PREFIX=/usr \
	ZSHDIR=/usr/share/zsh/vendor-completions
install -D -m 644 etc/postrider.cfg "$ROOT/etc/postrider/postrider.cfg"
install -m 644 etc/debian/copyright "$DOC/copyright"
strip --strip-unneeded --remove-section=.comment "$ROOT/usr/bin/postrider"
# The date of the last commit, so that the same source makes the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
printf 'postrider (%s) stable; urgency=medium\n\n  * See CHANGELOG.md beside this file.\n\n -- Postrider <postrider@example.org>  %s\n' \
	"$VERSION" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$DOC/changelog.gz"
find "$ROOT/usr/share/man" -type f -exec gzip -9n {} +

mkdir -p "$WORK/debian" "$ROOT/DEBIAN"
cp etc/debian/control "$WORK/debian/control"
(cd "$WORK" && dpkg-shlibdeps -O root/usr/bin/postrider >substvars 2>shlibdeps) ||
	{ cat "$WORK/shlibdeps" >&2; die "dpkg-shlibdeps failed"; }
DEPENDS=$(sed -n 's/^shlibs:Depends=//p' "$WORK/substvars")
{
	echo "Version: $VERSION"
	echo "Installed-Size: $(du -sk --exclude=DEBIAN "$ROOT" | cut -f1)"
	sed -n '/^Maintainer/p; /^Section/p; /^Priority/p; /^Package/,$p' etc/debian/control |
		sed "s/^Architecture: any/Architecture: $(dpkg --print-architecture)/; s/\${shlibs:Depends}/$DEPENDS/"
} >"$ROOT/DEBIAN/control"
echo /etc/postrider/postrider.cfg >"$ROOT/DEBIAN/conffiles"
install -m 755 -t "$ROOT/DEBIAN" etc/debian/postinst etc/debian/prerm etc/debian/postrm
(cd "$ROOT" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$ROOT/DEBIAN/md5sums"

mkdir -p dist
PACKAGE=dist/postrider_${VERSION}_$(dpkg --print-architecture).deb
find "$ROOT" -newermt "@$SOURCE_DATE_EPOCH" -print0 | xargs -0r touch --no-dereference --date="@$SOURCE_DATE_EPOCH"
dpkg-deb --root-owner-group -Zxz --build "$ROOT" "$PACKAGE" >/dev/null
echo "$PACKAGE"
