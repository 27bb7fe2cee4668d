#!/bin/sh
# Removes what nothing that runs needs: installers, tests, headers, stubs, manuals, Perl, Debian's lists.
# The arguments name the user that the image runs as, and its number.
set -eu
user=$1
number=$2

stdlib=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
venv=$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
for packages in "$venv" "$stdlib/site-packages" /usr/lib/python3/dist-packages; do
    rm -rf "$packages"/pip "$packages"/pip-* "$packages"/setuptools "$packages"/setuptools-* \
        "$packages"/pkg_resources "$packages"/wheel "$packages"/wheel-* \
        "$packages"/_distutils_hack "$packages"/distutils-precedence.pth
done
rm -rf /opt/venv/.lock /opt/venv/bin/pip* /opt/venv/bin/[Aa]ctivate* /usr/local/bin/pip* /usr/bin/pip* \
    "$stdlib"/ensurepip "$stdlib"/idlelib "$stdlib"/lib2to3 "$stdlib"/test "$stdlib"/tkinter \
    "$stdlib"/turtledemo /opt/venv/include /usr/share/python-wheels
find "$venv" -depth -type d -name tests -exec rm -rf {} +
find "$venv" -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.[ach]' \
    -o -name '*.hpp' -o -name '*.lib' \) -delete
find /usr/share/doc -type f ! -name copyright -delete
rm -rf /usr/share/man /usr/share/info /usr/share/locale /usr/share/i18n /usr/share/lintian \
    /usr/share/bash-completion /usr/share/perl* /usr/lib/*/perl* /usr/bin/perl* \
    /usr/lib/*/gconv /usr/bin/localedef /usr/bin/apt* /usr/lib/apt /var/lib/apt \
    /var/cache/* /var/log/* /root/.cache /build

echo "$user:x:$number:$number::/tmp:/usr/sbin/nologin" >> /etc/passwd
echo "$user:x:$number:" >> /etc/group
