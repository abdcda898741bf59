/* SPDX-License-Identifier: BSD-3-Clause */
/* How large a document may be before it is refused. Private to netdoc. */
#pragma once

/* Of one line, bytes without its end; the longest real ones (family) are under 10 KiB. */
#define CEPA_NETDOC_MAX_LINE (128 * 1024)

/* Of the lines between BEGIN and END, bytes. */
#define CEPA_NETDOC_MAX_OBJECT (128 * 1024)

/* Base64 characters of an object that is decoded; keys of 8192 bits have 1,400. */
#define CEPA_NETDOC_MAX_DECODED_OBJECT 4096

/* Words behind a keyword that has a list behind it (params, flags, weights). */
#define CEPA_NETDOC_MAX_ARGUMENTS 512

/* The public network: 3 MiB, 10,000 relays, 9 authorities. */
#define CEPA_CONSENSUS_MAX_BYTES (64 * 1024 * 1024)
#define CEPA_CONSENSUS_MAX_RELAYS 100000
#define CEPA_CONSENSUS_MAX_VOTERS 128
#define CEPA_CONSENSUS_MAX_SIGNATURES 128

/* Of one directory-signature, bytes: RSA of 1024 to 4096 bits. */
#define CEPA_CONSENSUS_MIN_SIGNATURE_BYTES 128
#define CEPA_CONSENSUS_MAX_SIGNATURE_BYTES 512

/* Key certificates that are asked for on behalf of one authority. It has one signing key; whoever hands the
   document on could add any number of lines that name others. */
#define CEPA_CONSENSUS_MAX_WANTED_CERTIFICATES 2

/* Methods of computing a consensus whose result is understood. */
#define CEPA_CONSENSUS_MIN_METHOD 28
#define CEPA_CONSENSUS_MAX_METHOD 35

#define CEPA_KEY_CERTIFICATE_MAX_BYTES (128 * 1024)
#define CEPA_MICRODESCRIPTOR_MAX_BYTES (256 * 1024)

/* A relay's entry has about five lines, most of which do not change. */
#define CEPA_CONSENSUS_DIFF_MAX_COMMANDS 500000

/* The public network's descriptors have up to 30 KiB. */
#define CEPA_SERVER_DESCRIPTOR_MAX_BYTES (256 * 1024)

/* Policy lines, and family certificates, of one server descriptor. */
#define CEPA_SERVER_DESCRIPTOR_MAX_POLICY 1024
#define CEPA_SERVER_DESCRIPTOR_MAX_FAMILY_CERTS 32

/* Of one certificate in it, bytes; of the RSA keys and signatures, which have 1024 bits. */
#define CEPA_SERVER_DESCRIPTOR_MAX_CERT 512

/* A list of subprotocols; what a relay's "pr" line says is under 200 bytes. */
#define CEPA_PROTOCOLS_MAX_BYTES (16 * 1024)
#define CEPA_PROTOCOLS_MAX_NAME 100
#define CEPA_PROTOCOLS_MAX_ENTRIES 256
