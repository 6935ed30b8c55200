#!/usr/bin/env bash
# A Ceph of one monitor, one OSD and one S3 gateway, on loopback, for tests. It needs no root, no systemd and no
# /etc/ceph: everything lies in one folder.
#
#     tests/ceph/start.sh FOLDER
#
# Prints "ready http://127.0.0.1:PORT" when the bucket `spillway-test` is there; its access key is in FOLDER/credentials.
# Runs until its standard input ends, then ends everything that it started. Takes about 15 s and 250 MB of memory.
#
# Debian: apt-get install --no-install-recommends ceph-mon ceph-osd radosgw curl
set -euo pipefail

mkdir -p "${1:?usage: start.sh FOLDER}"
folder=$(cd "$1" && pwd)
cd "$folder"
mkdir mon osd gateway log run
export CEPH_CONF=$folder/ceph.conf

# Ports that nobody listens on: for the monitor and the gateway.
read -r monitor_port gateway_port < <(python3 -c '
import socket
ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(port.getsockname()[1] for port in ports))')

children=()
end() {
    # Bash tells of each child that it was killed.
    exec 2>>log/end
    # The gateway first: it would wait for the others.
    for ((at = ${#children[@]} - 1; at >= 0; at--)); do
        kill -9 "${children[at]}" || true
    done
    wait
}
trap end EXIT
trap 'exit 1' INT TERM

# Runs a daemon as a child, in the foreground.
run() {
    local name=$1
    shift
    "$@" -f >"log/$name.out" 2>&1 </dev/null &
    children+=($!)
}

# Tries a command until it succeeds, for some 30 s.
until_it_works() {
    for _ in $(seq 300); do
        if "$@" >log/tries 2>&1 </dev/null; then return 0; fi
        sleep 0.1
    done
    echo "ceph: $1 did not work" >&2
    tail -n 5 log/tries >&2
    exit 1
}

fsid=$(cat /proc/sys/kernel/random/uuid)
cat >ceph.conf <<EOF
[global]
fsid = $fsid
mon initial members = a
mon host = v2:127.0.0.1:$monitor_port/0
# On loopback alone.
public addr = 127.0.0.1
cluster addr = 127.0.0.1
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
ms bind ipv6 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = $folder/keyring
# One of everything: pools of one copy and one placement group.
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
# As little as will do.
osd objectstore = bluestore
bluestore block size = 2147483648
osd memory target = 939524096
bluestore cache autotune = false
mon data = $folder/mon/a
osd data = $folder/osd/\$id
rgw data = $folder/gateway
log file = $folder/log/\$name.log
run dir = $folder/run
admin socket = $folder/run/\$name.asok
crash dir = $folder/run
[osd.0]
keyring = $folder/osd/0/keyring
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:$gateway_port
rgw run sync thread = false
rgw enable usage log = false
EOF

make_key() { ceph-authtool keyring --gen-key "$@" >>log/keys; }
touch keyring
make_key -n mon. --cap mon 'allow *'
make_key -n client.admin --cap mon 'allow *' --cap osd 'allow *'
make_key -n client.rgw --cap mon 'allow *' --cap osd 'allow *'

monmaptool --create --addv a "[v2:127.0.0.1:$monitor_port]" --fsid "$fsid" monmap >>log/monmap
ceph-mon --mkfs -i a --monmap monmap --keyring keyring
run monitor ceph-mon -i a
until_it_works timeout 5 ceph mon stat

mkdir osd/0
osd_key=$(ceph-authtool --gen-print-key)
osd_uuid=$(cat /proc/sys/kernel/random/uuid)
echo "{\"cephx_secret\": \"$osd_key\"}" | ceph osd new "$osd_uuid" 0 -i - >>log/osd-new 2>&1
ceph-authtool --create-keyring osd/0/keyring --name osd.0 --add-key "$osd_key" >>log/keys
ceph-osd -i 0 --mkfs --osd-uuid "$osd_uuid" >>log/osd-mkfs 2>&1
ceph osd crush add osd.0 1.0 root=default host=localhost >>log/osd-new 2>&1
run osd ceph-osd -i 0
until_it_works bash -c 'timeout 5 ceph osd stat | grep -q "1 up"'

run gateway radosgw -n client.rgw
until_it_works curl -sf -o log/first-answer "http://127.0.0.1:$gateway_port/"

# A user, whose key is written where a cache tier reads it, and a bucket.
secret=$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')
(umask 077 && printf 'aws_access_key_id = spillway\naws_secret_access_key = %s\n' "$secret" >credentials)
radosgw-admin -n client.rgw user create --uid=spillway --display-name=spillway \
    --access-key=spillway --secret-key="$secret" >>log/user 2>&1
make_bucket() {
    # Of no bytes: the hash is that of nothing.
    curl -s --fail-with-body --aws-sigv4 aws:amz:us-east-1:s3 --user "spillway:$secret" -X PUT \
        -H "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" \
        "http://127.0.0.1:$gateway_port/spillway-test"
}
until_it_works make_bucket

echo "ready http://127.0.0.1:$gateway_port"
# Until whoever started this closes the other end, or is gone.
cat >>log/input
