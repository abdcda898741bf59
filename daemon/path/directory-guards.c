/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/directory-guards.h"

static gboolean
directory_guards_list (gpointer user_data, const guint8 (*outdated)[20], guint n_outdated, GArray *rows)
{
  CepaGuardRestriction restriction = { .outdated = outdated, .n_outdated = n_outdated };

  return cepa_guards_list_candidates (user_data, CEPA_GUARD_DIRECTORY, &restriction, rows);
}

static gpointer
directory_guards_used (gpointer user_data, const guint8 rsa_id[20])
{
  return cepa_guards_attempt (user_data, rsa_id, CEPA_GUARD_DIRECTORY, NULL, NULL, NULL);
}

/* One hop: there is nothing that would have to wait, or that paths could be biased by. */
static void
directory_guards_done (G_GNUC_UNUSED gpointer user_data, gpointer ticket, CepaDirectoryGuardOutcome outcome)
{
  if (outcome == CEPA_DIRECTORY_GUARD_ANSWERED)
    cepa_guard_ticket_succeeded (ticket);
  else if (outcome == CEPA_DIRECTORY_GUARD_FAILED)
    cepa_guard_ticket_failed (ticket);
  cepa_guard_ticket_free (ticket);
}

void
cepa_directory_guards_init (CepaDirectoryGuards *self, CepaGuards *guards)
{
  *self = (CepaDirectoryGuards) {
    .list = directory_guards_list,
    .used = directory_guards_used,
    .done = directory_guards_done,
    .user_data = guards,
  };
}
