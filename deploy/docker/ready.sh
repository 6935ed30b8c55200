#!/bin/bash
# ready PORT: whether the program on this port of the container answers GET /ready with 200. In bash alone: neither
# image has a program that speaks HTTP, and a health check is no reason to install one.
exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
printf 'GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 2 -u 3 version status rest && [[ $version == HTTP/1.* && $status == 200 ]]
