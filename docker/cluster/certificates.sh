#!/bin/bash
# The demo's certificates, by cockroach itself. Once: what is there stays.
set -euo pipefail

[[ ! -e /certs/app/ca.crt ]] || exit 0
umask 077
cd /authorities
rm -rf cluster proxy # of a run that was cut off
mkdir cluster proxy

# The cluster's. Nodes are known by the name that roachpin asks for, and by the one that is theirs.
cockroach cert create-ca --certs-dir=cluster --ca-key=cluster/ca.key
cockroach cert create-node --certs-dir=cluster --ca-key=cluster/ca.key \
    crdb.demo.internal crdb-0 crdb-1 crdb-2 localhost 127.0.0.1
cockroach cert create-client --certs-dir=cluster --ca-key=cluster/ca.key root
cp --remove-destination cluster/{ca.crt,node.crt,node.key,client.root.crt,client.root.key} /certs/node/

# Another, for the certificate that roachpin shows to the application.
cockroach cert create-ca --certs-dir=proxy --ca-key=proxy/ca.key
cockroach cert create-node --certs-dir=proxy --ca-key=proxy/ca.key roachpin localhost
cp --remove-destination cluster/ca.crt /certs/proxy/cluster-ca.crt
cp --remove-destination proxy/node.crt /certs/proxy/roachpin.crt
cp --remove-destination proxy/node.key /certs/proxy/roachpin.key
chmod 755 /certs/proxy
chown 65532:65532 /certs/proxy/*

chmod 755 /certs/app
install -m 644 proxy/ca.crt /certs/app/ca.crt
