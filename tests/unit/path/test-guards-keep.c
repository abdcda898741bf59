/* SPDX-License-Identifier: BSD-3-Clause */
/* Guards between runs: through JSON and back, what cannot be right is refused whole; and out of C Tor's state file. */
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/error.h"
#include "path/guard-script.h"

/* As the state file does. (transfer full) */
static GVariant *
through_json (GVariant *variant)
{
  g_autofree char *text = json_gvariant_serialize_data (variant, NULL);
  g_autoptr (GError) error = NULL;
  GVariant *back = json_gvariant_deserialize_data (text, -1, NULL, &error);

  g_assert_no_error (error);
  return g_variant_ref_sink (back);
}

static void
test_json (void)
{
  static const GuardStep steps[] = {
    { "try A 1", "now" }, { "built 1", "use" }, { "close 1" },
    { "try C 1", "now" }, { "built 1", "use" }, { "close 1" },
    { "try B 1", "now" }, { "built 1", "use" }, { "close 1" },
    { "gone BD" }, { "consensus" }, { "day 3" },
  };
  static const GuardStep after[] = {
    { "confirmed", "ACB" }, { "primary", "ACE" }, { "sample", "ABCDEFGHIJKLMNOPQRSTUV" },
  };
  g_autoptr (GVariant) first = NULL, second = NULL, third = NULL, fourth = NULL;
  g_autoptr (CepaGuardTicket) ticket = NULL;
  g_autoptr (GError) error = NULL;
  GuardScript script;

  guard_script_init (&script, 400, 300, 5);
  guard_script_publish (&script);
  GUARD_SCRIPT_RUN (&script, steps);
  ticket = cepa_guards_attempt (script.guards, script.letters[0], CEPA_GUARD_DATA, NULL, NULL, NULL);
  cepa_guard_ticket_first_hop_built (ticket);
  cepa_guard_ticket_closed (ticket, FALSE);
  first = g_variant_ref_sink (cepa_guards_to_variant (script.guards));
  second = through_json (first);
  g_assert_true (cepa_guards_from_variant (script.guards, second, &error));
  g_assert_no_error (error);
  third = g_variant_ref_sink (cepa_guards_to_variant (script.guards));
  g_assert_true (g_variant_equal (first, third));
  fourth = through_json (third);
  g_assert_true (g_variant_equal (second, fourth));
  GUARD_SCRIPT_RUN (&script, after);
  guard_script_clear (&script);
}

#define ID "0123456789ABCDEF0123456789ABCDEF01234567"
#define ENTRY "'selection': <'default'>, 'rsa_id': <'" ID "'>, 'listed': <true>, "
#define DATES "'sampled_on': <'2026-05-01T00:00:00Z'>"

static gboolean
load_text (CepaGuards *guards, const char *text, GError **error)
{
  g_autoptr (GVariant) variant = g_variant_parse (NULL, text, NULL, NULL, error);

  g_assert_nonnull (variant);
  return cepa_guards_from_variant (guards, variant, error);
}

static void
test_refused (void)
{
  static const struct
  {
    const char *text, *message;
  } cases[] = {
    { "'guards'", "not in the form" },
    { "@a{sv} {}", "not in the form" },
    { "{'version': <int64 2>, 'guards': <@av []>}", "not in the form" },
    { "{'version': <'1'>, 'guards': <@av []>}", "not in the form" },
    { "{'version': <int64 1>}", "not in the form" },
    { "{'version': <int64 1>, 'guards': <'x'>}", "not in the form" },
    { "{'version': <int64 1>, 'guards': <[<'x'>]>}", "entry 1: bad entry" },
    { "{'version': <int64 1>, 'guards': <[<@a{sv} {}>]>}", "bad selection" },
    { "{'version': <int64 1>, 'guards': <[<{'selection': <'mine'>}>]>}", "bad selection" },
    { "{'version': <int64 1>, 'guards': <[<{'selection': <'default'>, 'rsa_id': <'12'>}>]>}", "bad rsa_id" },
    { "{'version': <int64 1>, 'guards': <[<{" ENTRY "'nickname': <'a b'>, " DATES "}>]>}", "bad nickname" },
    { "{'version': <int64 1>, 'guards': <[<{" ENTRY "'bridge_address': <'a b'>, " DATES "}>]>}", "bad bridge_address" },
    { "{'version': <int64 1>, 'guards': <[<{" ENTRY "'x': <1>}>]>}", "bad sampled_on" },
    { "{'version': <int64 1>, 'guards': <[<{" ENTRY "'sampled_on': <'yesterday'>}>]>}", "bad sampled_on" },
    { "{'version': <int64 1>, 'guards': <[<{" ENTRY "'sampled_on': <'1969-01-01T00:00:00Z'>}>]>}", "bad sampled_on" },
    { "{'version': <int64 1>, 'guards': <[<{" ENTRY DATES ", 'confirmed_on': <'x'>}>]>}", "bad confirmed_on" },
    { "{'version': <int64 1>, 'guards': <[<{" ENTRY DATES ", 'unlisted_since': <''>}>]>}", "bad unlisted_since" },
    { "{'version': <int64 1>, 'guards': <[<{" ENTRY DATES ", 'confirmed_index': <int64 0>}>]>}", "bad confirmed_index" },
    { "{'version': <int64 1>, 'guards': <[<{" ENTRY DATES ", 'confirmed_on': <'2026-05-01T00:00:00Z'>, "
      "'confirmed_index': <int64 -1>}>]>}", "bad confirmed_index" },
    { "{'version': <int64 1>, 'guards': <[<{" ENTRY DATES ", 'path_bias': <{'timeouts': <-1.0>}>}>]>}", "bad path_bias" },
    { "{'version': <int64 1>, 'guards': <[<{" ENTRY DATES ", 'path_bias': <{'timeouts': <1e300>}>}>]>}", "bad path_bias" },
    { "{'version': <int64 1>, 'guards': <[<{" ENTRY DATES "}>, <{" ENTRY DATES "}>]>}", "entry 2: bad rsa_id, which is" },
  };
  static const GuardStep same[] = { { "sample", "ABCDEFGHIJKLMNOPQRST" } };
  GuardScript script;

  guard_script_init (&script, 150, 100, 5);
  guard_script_publish (&script);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (load_text (script.guards, cases[i].text, &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, cases[i].message));
      GUARD_SCRIPT_RUN (&script, same);
    }
  guard_script_clear (&script);
}

/* What a later version wrote into an entry is written again; a date to come is now. */
static void
test_extra (void)
{
  g_autoptr (GVariant) kept = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  GuardScript script;

  guard_script_init (&script, 150, 100, 5);
  g_assert_true (load_text (script.guards, "{'version': <int64 1>, 'guards': <[<{" ENTRY "'later': <[1, 2]>, "
                                           "'sampled_on': <'2036-05-01T00:00:00Z'>}>]>}", &error));
  g_assert_no_error (error);
  kept = g_variant_ref_sink (cepa_guards_to_variant (script.guards));
  text = g_variant_print (kept, FALSE);
  g_assert_nonnull (strstr (text, "'later': <[1, 2]>"));
  g_assert_nonnull (strstr (text, "'sampled_on': <'2026-06-01T12:00:00Z'>"));
  guard_script_clear (&script);
}

/* In the form that C Tor 0.4.9.11 writes (src/feature/client/entrynodes.c, entry_guard_encode_for_state()). */
static const char tor_state[] =
  "# Tor state file last generated on 2026-06-01 11:00:00 local time\n"
  "# Other times below are in UTC\n"
  "# You *do not* need to edit this file.\n"
  "\n"
  "Guard in=default rsa_id=CE00000000000000000000000000000000000005 nickname=relay5 sampled_on=2026-05-20T01:02:03 "
  "sampled_idx=2 sampled_by=0.4.9.11 listed=1 confirmed_on=2026-05-25T04:05:06 confirmed_idx=0 pb_use_attempts=3.000000 "
  "pb_use_successes=2.000000 pb_circ_attempts=7.500000 pb_circ_successes=6.000000 pb_successful_circuits_closed=5.000000 "
  "pb_timeouts=1.000000 pb_new=1 whatever=x\n"
  "Guard in=default rsa_id=CE00000000000000000000000000000000000007 nickname=relay7 sampled_on=2026-05-21T01:02:03 "
  "sampled_idx=0 sampled_by=0.4.9.11 listed=1 confirmed_on=2026-05-26T04:05:06 confirmed_idx=1\n"
  "Guard in=default rsa_id=CE00000000000000000000000000000000000001 nickname=relay1 sampled_on=2026-05-21T01:02:03 "
  "sampled_idx=1 sampled_by=0.4.9.11 unlisted_since=2026-05-28T00:00:00 listed=0\n"
  "Guard in=bridges rsa_id=FE00000000000000000000000000000000000001 bridge_addr=192.0.2.1:443 "
  "nickname=$FE00000000000000000000000000000000000001 sampled_on=2026-05-21T01:02:03 sampled_idx=0 listed=1\n"
  "Guard in=legacy rsa_id=CE00000000000000000000000000000000000002 sampled_on=2026-05-21T01:02:03 listed=1\n"
  "TorVersion Tor 0.4.9.11\n"
  "LastWritten 2026-06-01 11:00:00\n"
  "TotalBuildTimes 114\n";

static void
find_guard (gpointer user_data, const CepaGuardInfo *guard)
{
  CepaGuardInfo *wanted = user_data;

  if (memcmp (guard->rsa_id, wanted->rsa_id, 20) == 0 && guard->selection == wanted->selection)
    *wanted = *guard;
}

static void
test_import (void)
{
  static const GuardStep steps[] = {
    { "set", "default" }, { "confirmed", "CA" }, { "size", "20" }, { "primary", "ABC" }, { "list", "ABCDE" },
  };
  CepaGuardInfo five = { .rsa_id = { [0] = 0xce, [19] = 5 } };
  CepaGuardInfo bridge = { .rsa_id = { [0] = 0xfe, [19] = 1 }, .selection = CEPA_GUARDS_BRIDGES };
  g_autoptr (GError) error = NULL;
  GuardScript script;
  guint n = 0;

  guard_script_init (&script, 150, 100, 5);
  g_assert_true (cepa_guards_import_tor (script.guards, tor_state, strlen (tor_state), &n, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, 4);
  guard_script_publish (&script);
  /* A and B are 7 and 1, in the order of sampling: 1 is listed again. */
  g_assert_cmpuint (script.letters[0][19], ==, 7);
  g_assert_cmpuint (script.letters[1][19], ==, 1);
  g_assert_cmpuint (script.letters[2][19], ==, 5);
  GUARD_SCRIPT_RUN (&script, steps);
  cepa_guards_foreach (script.guards, find_guard, &five);
  g_assert_cmpstr (five.nickname, ==, "relay5");
  g_assert_cmpint (five.sampled_on_s, ==, 1779238923);
  g_assert_cmpint (five.confirmed_on_s, ==, 1779681906);
  g_assert_cmpfloat (five.path_bias.circ_attempts, ==, 7.5);
  g_assert_cmpfloat (five.path_bias.use_successes, ==, 2);
  g_assert_cmpfloat (five.path_bias.circuits_closed, ==, 5);
  cepa_guards_foreach (script.guards, find_guard, &bridge);
  g_assert_cmpstr (bridge.bridge_address, ==, "192.0.2.1:443");
  g_assert_cmpstr (bridge.nickname, ==, "");
  guard_script_clear (&script);
}

/* Before 0.4.4 there was no order of sampling: the confirmed ones come first, in their order. */
static void
test_import_old (void)
{
  static const char text[] =
    "guard in=default rsa_id=CE00000000000000000000000000000000000009 sampled_on=2026-05-20T01:02:03 listed=1\r\n"
    "Guard in=default rsa_id=CE00000000000000000000000000000000000005 sampled_on=2026-05-20T01:02:03 listed=1 "
    "confirmed_on=2026-05-25T04:05:06 confirmed_idx=1\n"
    "Guard in=default rsa_id=CE00000000000000000000000000000000000007 sampled_on=2026-05-21T01:02:03 listed=1 "
    "confirmed_on=2026-05-26T04:05:06 confirmed_idx=0";
  g_autoptr (GError) error = NULL;
  GuardScript script;

  guard_script_init (&script, 150, 100, 5);
  g_assert_true (cepa_guards_import_tor (script.guards, text, strlen (text), NULL, &error));
  g_assert_no_error (error);
  guard_script_publish (&script);
  g_assert_cmpuint (script.letters[0][19], ==, 7);
  g_assert_cmpuint (script.letters[1][19], ==, 5);
  g_assert_cmpuint (script.letters[2][19], ==, 9);
  guard_script_clear (&script);
}

static void
test_import_refused (void)
{
  static const struct
  {
    const char *text, *message;
  } cases[] = {
    { "", "no guard" },
    { "TorVersion Tor 0.4.9.11\n", "no guard" },
    { "\nGuard rsa_id=" ID "\n", "line 2, a guard of C Tor's: bad in" },
    { "Guard in=default\n", "bad rsa_id" },
    { "Guard in=default rsa_id=12\n", "bad rsa_id" },
    { "Guard in=default rsa_id=" ID " sampled_on=2026-05-21\n", "bad sampled_on" },
    { "Guard in=default rsa_id=" ID " sampled_idx=-1\n", "bad sampled_idx" },
    { "Guard in=default rsa_id=" ID " confirmed_idx=99999999999\n", "bad confirmed_idx" },
    { "Guard in=default rsa_id=" ID " pb_timeouts=nan\n", "bad pb_timeouts" },
    { "Guard in=default rsa_id=" ID " pb_timeouts=1x\n", "bad pb_timeouts" },
    { "Guard in=default rsa_id=" ID " \xff\n", "bad line" },
  };
  static const GuardStep same[] = { { "sample", "ABCDEFGHIJKLMNOPQRST" } };
  GuardScript script;

  guard_script_init (&script, 150, 100, 5);
  guard_script_publish (&script);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (cepa_guards_import_tor (script.guards, cases[i].text, strlen (cases[i].text), NULL, &error));
      g_assert_error (error, CEPA_ERROR, CEPA_ERROR_FILE);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, cases[i].message));
      GUARD_SCRIPT_RUN (&script, same);
    }
  guard_script_clear (&script);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  g_test_add_func ("/path/guards-keep/json", test_json);
  g_test_add_func ("/path/guards-keep/refused", test_refused);
  g_test_add_func ("/path/guards-keep/extra", test_extra);
  g_test_add_func ("/path/guards-keep/import", test_import);
  g_test_add_func ("/path/guards-keep/import-old", test_import_old);
  g_test_add_func ("/path/guards-keep/import-refused", test_import_refused);
  return g_test_run ();
}
