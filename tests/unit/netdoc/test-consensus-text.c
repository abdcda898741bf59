/* SPDX-License-Identifier: BSD-3-Clause */
/* What is read from the consensus' text only when it is asked for. */
#include "netdoc/consensus-text.h"

#include "support/test-consensus.h"

static void
assert_flags (const CepaRouterText *text, const char *flags)
{
  g_autofree char *got = g_strndup (text->flags.text, text->flags.len);

  g_assert_cmpstr (got, ==, flags);
}

static void
test_rows (void)
{
  static const TestRelay relays[] = {
    { .flags = TEST_RELAY_FLAGS },
    { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_EXIT, .nickname = "s" },
    { .flags = CEPA_RELAY_RUNNING | CEPA_RELAY_VALID, .nickname = "r" },
  };
  static const TestConsensus document = { .relays = relays, .n_relays = G_N_ELEMENTS (relays) };
  g_autoptr (CepaConsensus) consensus = test_consensus_make (&document);
  CepaRouterText text;
  gsize offset = 0, behind;

  for (guint row = 0; row < 3; row++)
    {
      g_assert_true (cepa_consensus_read_text (consensus, cepa_consensus_get_text (consensus), row, &offset, &text));
      g_assert_cmpint (text.published_s, ==, G_GINT64_CONSTANT (2145916800));
      if (row == 1)
        assert_flags (&text, "Exit Fast Running Stable V2Dir Valid");
      if (row == 2)
        assert_flags (&text, "Running Valid");
    }
  /* In any other order each is looked for from the start. */
  behind = offset;
  g_assert_false (cepa_consensus_read_text (consensus, cepa_consensus_get_text (consensus), 0, &behind, &text));
  g_assert_cmpuint (behind, ==, offset);
  offset = 0;
  g_assert_true (cepa_consensus_read_text (consensus, cepa_consensus_get_text (consensus), 2, &offset, &text));
  g_assert_cmpuint (offset, ==, behind);
}

/* Who reads the text, as a worker may, is not disturbed by its move to another place. */
static void
test_moved (void)
{
  static const TestRelay relays[] = { { .flags = TEST_RELAY_FLAGS }, { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_EXIT } };
  static const TestConsensus document = { .relays = relays, .n_relays = G_N_ELEMENTS (relays) };
  g_autoptr (CepaConsensus) consensus = test_consensus_make (&document);
  g_autoptr (GBytes) read = g_bytes_ref (cepa_consensus_get_text (consensus));
  gsize len, offset = 0;
  gconstpointer bytes = g_bytes_get_data (read, &len);
  g_autoptr (GBytes) elsewhere = g_bytes_new (bytes, len);
  CepaRouterText text;

  g_assert_true (cepa_consensus_read_text (consensus, read, 0, &offset, &text));
  g_assert_true (cepa_consensus_move_text (consensus, elsewhere));
  g_assert_true (cepa_consensus_get_text (consensus) == elsewhere);
  g_assert_true (cepa_consensus_read_text (consensus, read, 1, &offset, &text));
  g_assert_true (text.flags.text > (const char *) bytes && text.flags.text < (const char *) bytes + len);
  assert_flags (&text, "Exit Fast Running Stable V2Dir Valid");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  g_test_add_func ("/consensus-text/rows", test_rows);
  g_test_add_func ("/consensus-text/moved", test_moved);
  return g_test_run ();
}
