#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# make-layers.sh SOURCE BUILD LAYER...: for each layer a folder BUILD/layers/LAYER that holds a link to it.
set -eu
source=$1
build=$2
shift 2
for layer in "$@"; do
  mkdir -p "$build/layers/$layer"
  ln -sfn "$source/$layer" "$build/layers/$layer/$layer"
done
