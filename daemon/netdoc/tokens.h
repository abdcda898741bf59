/* SPDX-License-Identifier: BSD-3-Clause */
/* Text of directory documents as items: a keyword line, perhaps with an object behind it
   (dir-spec: "Document meta-format"). Private to netdoc. */
#pragma once

#include <glib.h>

#include "netdoc/microdescriptor.h"

G_BEGIN_DECLS

/**
 * CepaTextCursor:
 *
 * A place in text that it does not own, and that need not be terminated.
 */
typedef struct
{
  const char *next; /* start of the next line */
  const char *end;
  guint line;       /* number of the next line, from 1 */
} CepaTextCursor;

/* All slices are in the text. */
typedef struct
{
  const char *start;     /* of the keyword */
  guint line;
  CepaSlice keyword;     /* letters, digits and dashes, not empty; a first "@" makes it an annotation */
  CepaSlice args;        /* behind the keyword, without blanks at either end */
  CepaSlice object_type; /* of "-----BEGIN type-----"; text is NULL when there is no object */
  CepaSlice object;      /* the lines of base64, with their ends */
  const char *end;       /* behind the item */
} CepaTextItem;

void cepa_text_cursor_init (CepaTextCursor *self, const char *text, gsize len);

static inline gboolean
cepa_text_cursor_is_done (const CepaTextCursor *self)
{
  return self->next >= self->end;
}

/**
 * cepa_text_cursor_next:
 * @self: not done
 * @item: (out): the item there, the cursor is moved behind it
 *
 * Returns: FALSE with CEPA_ERROR_BAD_DOCUMENT when the line or its object is malformed, too long or cut off.
 * The cursor is then where it was.
 */
gboolean cepa_text_cursor_next (CepaTextCursor *self, CepaTextItem *item, GError **error);

/**
 * cepa_text_item_decode_object:
 * @type: what the object must be
 * @out: room for @size bytes
 * @len: (out): bytes written
 *
 * Returns: FALSE with CEPA_ERROR_BAD_DOCUMENT when it has another type, or is not base64 of at most @size
 * bytes.
 */
gboolean cepa_text_item_decode_object (const CepaTextItem *self, const char *type, guint8 *out, gsize size,
                                       gsize *len, GError **error);

/* Sets CEPA_ERROR_BAD_DOCUMENT. Returns: FALSE. */
gboolean cepa_netdoc_refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

typedef gboolean (*CepaItemFunc) (gpointer document, const CepaTextItem *item, GError **error);

/* How often an item may be there, and whether with an object. */
typedef enum
{
  CEPA_ITEM_ONCE = 0,              /* at most once, no object */
  CEPA_ITEM_REQUIRED = 1 << 0,     /* at least once */
  CEPA_ITEM_REPEATED = 1 << 1,     /* more than once */
  CEPA_ITEM_MAY_OBJECT = 1 << 2,   /* with or without an object */
  CEPA_ITEM_MUST_OBJECT = 1 << 3,  /* never without one */
  CEPA_ITEM_NO_ARGUMENTS = 1 << 4, /* nothing behind the keyword */
} CepaItemFlags;

typedef struct
{
  const char *keyword;
  guint flags;       /* CepaItemFlags */
  CepaItemFunc read; /* (nullable): called with the item when it is allowed */
} CepaItemRule;

/**
 * cepa_item_rules_apply:
 * @rules: (array length=n_rules): at most 32
 * @seen: (inout): a bit for each rule whose item was there
 *
 * Finds @item's rule, checks the item against it and reads it. An item without a rule is ignored.
 *
 * Returns: FALSE with CEPA_ERROR_BAD_DOCUMENT.
 */
gboolean cepa_item_rules_apply (const CepaItemRule *rules, guint n_rules, guint32 *seen, gpointer document,
                                const CepaTextItem *item, GError **error);

/* Whether all required items were there; FALSE with CEPA_ERROR_BAD_DOCUMENT naming the first that was not. */
gboolean cepa_item_rules_check (const CepaItemRule *rules, guint n_rules, guint32 seen, GError **error);

G_END_DECLS
