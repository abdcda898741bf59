/* SPDX-License-Identifier: BSD-3-Clause */
/* The little of DER (X.690) that Tor's RSA keys and certificates need. */
#pragma once

#include <glib.h>

#include "base/bytes.h"
#include "base/writer.h"

G_BEGIN_DECLS

#define CEPA_DER_INTEGER 0x02
#define CEPA_DER_SEQUENCE 0x30

/* The most bytes that cepa_der_write_header() writes. */
#define CEPA_DER_MAX_HEADER 4

/**
 * cepa_der_read:
 * @reader: at an element
 * @tag: the tag that it must have
 *
 * Returns: a reader over the content of the element, which is skipped in @reader. Both have failed when
 * the tag is another or the length is not the shortest form, more than 65535, or more than there is.
 */
CepaReader cepa_der_read (CepaReader *reader, guint8 tag);

/**
 * cepa_der_read_unsigned:
 * @reader: at an INTEGER that is not negative
 *
 * Returns: a reader over its magnitude, without a sign byte; empty for zero. Both have failed when it is
 * something else or not in its shortest form.
 */
CepaReader cepa_der_read_unsigned (CepaReader *reader);

/* Writes a tag and the length @len, 0 to 65535, of the content that the caller writes behind it. */
void cepa_der_write_header (CepaWriter *writer, guint8 tag, gsize len);

/* Writes @len bytes of magnitude as an INTEGER: leading zeros are dropped, a sign byte added where needed. */
void cepa_der_write_unsigned (CepaWriter *writer, const guint8 *magnitude, gsize len);

G_END_DECLS
