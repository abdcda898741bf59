/* SPDX-License-Identifier: BSD-3-Clause */
/* Recorded documents: where they may lie, and what is refused. */
#include "archive.h"

#include <string.h>

#include "folder.h"
#include "netdoc/maker.h"
#include "support/test-consensus.h"

#define ANNOTATED_CONSENSUS "@type network-status-microdesc-consensus-3 1.0\n"
#define ANNOTATED_MICRODESCRIPTOR "@type microdescriptor 1.0\n"

static CepaSimArchive *
archive_open (const Folder *folder, const char *name, gboolean is_checked, GError **error)
{
  g_autoptr (GPtrArray) sources = maker_sources (1);
  g_autofree char *path = g_build_filename (folder->path, name, NULL);
  const char *const paths[] = { path, NULL };

  return cepa_sim_archive_open (paths, is_checked ? sources : NULL, error);
}

static guint
count_with_keys (const CepaNetwork *network)
{
  guint n = 0;

  for (guint row = 0; row < cepa_network_get_n_relays (network); row++)
    n += (cepa_network_get_relay (network, row)->flags & CEPA_RELAY_HAS_KEYS) != 0 ? 1 : 0;
  return n;
}

static void
assert_loads (const CepaSimArchive *archive, guint i, guint n_with_keys)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaNetwork) network = cepa_sim_archive_load (archive, i, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (cepa_network_get_n_relays (network), ==, FOLDER_N_RELAYS);
  g_assert_cmpuint (count_with_keys (network), ==, n_with_keys);
}

static void
test_cache (void)
{
  Folder folder;
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaSimArchive) archive = NULL;

  folder_init (&folder);
  folder_write_cache (&folder);
  g_free (folder_write (&folder, "cache/lock", ""));
  g_free (folder_write (&folder, "cache/unverified-microdesc-consensus", folder.consensus));
  archive = archive_open (&folder, "cache", TRUE, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cepa_sim_archive_get_n (archive), ==, 1);
  g_assert_cmpint (cepa_sim_archive_get_valid_after_s (archive, 0), ==, TEST_CONSENSUS_VALID_AFTER_S);
  g_assert_cmpint (cepa_sim_archive_get_end_s (archive), ==, TEST_CONSENSUS_VALID_AFTER_S + 3600);
  g_assert_cmpuint (cepa_sim_archive_get_notes (archive)->len, ==, 1); /* the lock */
  assert_loads (archive, 0, FOLDER_N_RELAYS);
  folder_clear (&folder);
}

/* A month as CollecTor packs it: consensuses and microdescriptors in files of their own, and some together. */
static void
test_collection (void)
{
  static const gint64 hours[] = { 0, 1, 4 };
  Folder folder;
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaSimArchive) archive = NULL;
  g_autofree char *second = NULL, *third = NULL, *both = NULL, *first = NULL, *rest = NULL;
  g_auto (GStrv) parts = NULL;

  folder_init (&folder);
  second = folder_make_later (&folder, 1);
  third = folder_make_later (&folder, 4);
  both = g_strconcat (ANNOTATED_CONSENSUS, third, ANNOTATED_CONSENSUS, folder.consensus, NULL);
  parts = g_strsplit (folder.microdescriptors, "onion-key\n", 3); /* nothing, the first one, the others */
  first = g_strconcat (ANNOTATED_MICRODESCRIPTOR "onion-key\n", parts[1], NULL);
  rest = g_strconcat (ANNOTATED_MICRODESCRIPTOR "onion-key\n", parts[2], NULL);
  g_free (folder_write (&folder, "month/consensus-microdesc/01/both", both));
  g_free (folder_write (&folder, "month/consensus-microdesc/01/second", second));
  g_free (folder_write (&folder, "month/micro/a/b/ab", first));
  g_free (folder_write (&folder, "month/micro/c/d/cd", rest));
  archive = archive_open (&folder, "month", FALSE, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cepa_sim_archive_get_n (archive), ==, 3);
  g_assert_cmpuint (cepa_sim_archive_get_notes (archive)->len, ==, 0);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpint (cepa_sim_archive_get_valid_after_s (archive, i), ==,
                     TEST_CONSENSUS_VALID_AFTER_S + hours[i] * 3600);
  assert_loads (archive, 2, FOLDER_N_RELAYS);
  assert_loads (archive, 0, FOLDER_N_RELAYS);
  folder_clear (&folder);
}

/* What is in the archive when it is opened, and what the error must say; with the first part of the other's name. */
static void
assert_refused (const Folder *folder, const char *name, gboolean is_checked, const char *part)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaSimArchive) archive = archive_open (folder, name, is_checked, &error);
  g_autoptr (CepaNetwork) network = archive != NULL ? cepa_sim_archive_load (archive, 0, NULL, &error) : NULL;

  g_assert_null (network);
  if (strstr (error->message, part) == NULL || strstr (error->message, folder->path) == NULL)
    g_error ("\"%s\" and the path are not in: %s", part, error->message);
}

static void
test_signatures (void)
{
  Folder folder;
  g_autoptr (CepaSimArchive) archive = NULL;
  g_autofree char *changed = NULL;

  folder_init (&folder);
  changed = maker_replace (folder.consensus, "w Bandwidth=137\n", "w Bandwidth=999\n");
  g_free (folder_write (&folder, "a/consensus", folder.consensus));
  assert_refused (&folder, "a", TRUE, "1 without key certificate");
  g_free (folder_write (&folder, "a/certs", folder.certificates));
  g_free (folder_write (&folder, "a/consensus", changed));
  assert_refused (&folder, "a", TRUE, "0 good, 1 bad");
  archive = archive_open (&folder, "a", FALSE, NULL);
  assert_loads (archive, 0, 0);
  folder_clear (&folder);
}

static void
test_torn (void)
{
  Folder folder;
  g_autofree char *half = NULL, *head = NULL, *other = NULL, *certs = NULL;
  g_autoptr (CepaSimArchive) archive = NULL;
  g_autofree char *micro = NULL;

  folder_init (&folder);
  half = g_strndup (folder.consensus, strlen (folder.consensus) / 2);
  head = g_strndup (folder.consensus, strlen ("network-status-version 3 microdesc\nvote-status"));
  other = maker_replace (folder.consensus, "w Bandwidth=137\n", "w Bandwidth=999\n");
  g_free (folder_write (&folder, "half/consensus", half));
  assert_refused (&folder, "half", FALSE, "consensus");
  g_free (folder_write (&folder, "head/consensus", head));
  assert_refused (&folder, "head", FALSE, "without good times");
  g_free (folder_write (&folder, "two/a", folder.consensus));
  g_free (folder_write (&folder, "two/b", other));
  assert_refused (&folder, "two", FALSE, "two consensuses valid after 2026-06-01 12:00:00");
  /* Half a microdescriptor is said, and the others are used. */
  micro = g_strndup (folder.microdescriptors, strlen (folder.microdescriptors) - 20);
  g_free (folder_write (&folder, "micro/a", folder.consensus));
  g_free (folder_write (&folder, "micro/b", micro));
  archive = archive_open (&folder, "micro", FALSE, NULL);
  g_assert_cmpuint (cepa_sim_archive_get_notes (archive)->len, ==, 1);
  assert_loads (archive, 0, FOLDER_N_RELAYS - 1);
  folder_clear (&folder);
}

static void
test_others (void)
{
  Folder folder;
  g_autofree char *full = NULL;

  folder_init (&folder);
  g_free (folder_write (&folder, "empty/certs", folder.certificates));
  assert_refused (&folder, "empty", FALSE, "no microdescriptor consensus");
  assert_refused (&folder, "nowhere", FALSE, "cannot read");
  full = maker_replace (folder.consensus, "network-status-version 3 microdesc\n", "network-status-version 3\n");
  g_free (folder_write (&folder, "full", full));
  assert_refused (&folder, "full", FALSE, "another flavour");
  g_free (folder_write (&folder, "odd.tar.xz", "\xfd" "7zXZ"));
  assert_refused (&folder, "odd.tar.xz", FALSE, "unpacked");
  g_free (folder_write (&folder, "nothing", ""));
  assert_refused (&folder, "nothing", FALSE, "neither");
  folder_clear (&folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  g_test_add_func ("/sim/archive/cache", test_cache);
  g_test_add_func ("/sim/archive/collection", test_collection);
  g_test_add_func ("/sim/archive/signatures", test_signatures);
  g_test_add_func ("/sim/archive/torn", test_torn);
  g_test_add_func ("/sim/archive/others", test_others);
  return g_test_run ();
}
