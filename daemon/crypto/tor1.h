/* SPDX-License-Identifier: BSD-3-Clause */
/* tor1 relay encryption: AES-128-CTR and a running SHA-1 per hop and direction. Client side. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CEPA_TOR1_KEYS_LEN 72 /* Df 20 | Db 20 | Kf 16 | Kb 16 */
#define CEPA_TOR1_TAG_LEN 20  /* what an authenticated SENDME carries */
#define CEPA_CELL_BODY_LEN 509

/**
 * CepaTor1:
 *
 * The state of one hop, both directions. None of the functions on cells allocates.
 */
typedef struct _CepaTor1 CepaTor1;

CepaTor1 *cepa_tor1_new (const guint8 keys[CEPA_TOR1_KEYS_LEN]);
void cepa_tor1_free (CepaTor1 *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaTor1, cepa_tor1_free)

/**
 * cepa_tor1_originate:
 * @body: a relay message of format v0 whose "recognized" and digest fields are zero
 * @tag: (out) (optional): the whole digest of which the cell has the first 4 bytes
 *
 * Fills the digest field for this hop. Encrypt next, from this hop to the first.
 */
void cepa_tor1_originate (CepaTor1 *self, guint8 body[CEPA_CELL_BODY_LEN], guint8 tag[CEPA_TOR1_TAG_LEN]);

/* Adds this hop's layer on a cell that goes out. */
void cepa_tor1_encrypt (CepaTor1 *self, guint8 body[CEPA_CELL_BODY_LEN]);

/* Takes this hop's layer off a cell that came in. */
void cepa_tor1_decrypt (CepaTor1 *self, guint8 body[CEPA_CELL_BODY_LEN]);

/**
 * cepa_tor1_recognize:
 * @body: a cell whose layer cepa_tor1_decrypt() took off
 * @tag: (out): the whole digest, set only when recognized
 *
 * Returns: whether this hop made the cell. The running digest moves on only then. On TRUE the digest field
 * of @body is zeroed.
 */
gboolean cepa_tor1_recognize (CepaTor1 *self, guint8 body[CEPA_CELL_BODY_LEN], guint8 tag[CEPA_TOR1_TAG_LEN]);

G_END_DECLS
