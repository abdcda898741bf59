/* SPDX-License-Identifier: BSD-3-Clause */
/* What a shared object exports, imports and runs by itself, read from its file. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  GPtrArray *exported;     /* (element-type utf8): symbols that it defines for others */
  GPtrArray *imported;     /* (element-type utf8): symbols that it must find, but for weak ones */
  GPtrArray *libraries;    /* (element-type utf8): where it wants them looked for: "libglib-2.0.so.0" */
  GPtrArray *constructors; /* (element-type utf8): what runs when it is loaded, beyond the C runtime's own */
  gboolean is_sanitized;   /* built with AddressSanitizer or a relative: these bring constructors and symbols along */
} CepaElf;

/* Returns: (transfer full) (nullable): NULL with an error when @path is no shared object for this machine. */
CepaElf *cepa_elf_read (const char *path, GError **error);
void cepa_elf_free (CepaElf *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaElf, cepa_elf_free)

G_END_DECLS
