/* SPDX-License-Identifier: BSD-3-Clause */
/* What circuits make of guards: who is tried next, who is tried again and when, which circuits wait for a better guard
   (guard-spec 4.5 to 4.9). */
#include "path/guard-script.h"

/* All primary guards down: then the next are tried, and a circuit through them waits. */
#define PRIMARY_DOWN \
  { "try A 1", "now" }, { "failed 1" }, { "close 1" }, \
  { "try B 1", "now" }, { "failed 1" }, { "close 1" }, \
  { "try C 1", "now" }, { "failed 1" }, { "close 1" }

/* The first primary guard that works is used, whichever failed before. */
static const GuardStep next_steps[] = {
  { "list", "ABCDE" },
  { "try A 1", "now" }, { "built 1", "use" },
  { "try A 2", "now" }, { "failed 2" }, { "close 2" },
  { "list", "BCDEF" },
  { "try B 2", "now" }, { "built 2", "use" },
  { "list", "BCDEF" },
  { "try B 3", "now" }, { "failed 3" }, { "close 3" },
  { "list", "CDEFG" },
  { "close 1" },
  { "wait 600" }, /* A may be tried again */
  { "list", "ABCDE" },
  { "try A 1", "now" }, { "built 1", "use" },
  { "list", "ABCDE" },
};
static const GuardScenario next = GUARD_SCENARIO (150, 100, NULL, next_steps);

/* Primary: 10 min for 6 h, 90 min to 4 d, 4 h to 7 d, then 9 h; others: 1 h, 4 h, 18 h, 36 h. Limits included. */
static const GuardStep retry_primary_steps[] = {
  { "try A 1", "now" }, { "failed 1" }, { "close 1" },
  { "wait 599" }, { "list", "BCDEF" }, { "wait 1" }, { "list", "ABCDE" },
  { "wait 21000" }, /* six hours in */
  { "try A 1", "now" }, { "failed 1" }, { "close 1" },
  { "wait 5399" }, { "list", "BCDEF" }, { "wait 1" }, { "list", "ABCDE" },
  { "wait 318600" }, /* 4 d */
  { "try A 1", "now" }, { "failed 1" }, { "close 1" },
  { "wait 14399" }, { "list", "BCDEF" }, { "wait 1" }, { "consensus" }, { "list", "ABCDE" },
  { "wait 244800" }, /* 7 d */
  { "try A 1", "now" }, { "failed 1" }, { "close 1" },
  { "wait 32399" }, { "list", "BCDEF" }, { "wait 1" }, { "list", "ABCDE" },
  { "try A 1", "now" }, { "built 1", "use" }, { "close 1" },
  { "try A 1", "now" }, { "failed 1" }, { "close 1" }, /* it has worked: counted anew */
  { "wait 599" }, { "list", "BCDEF" }, { "wait 1" }, { "list", "ABCDE" },
};
static const GuardScenario retry_primary = GUARD_SCENARIO (150, 100, NULL, retry_primary_steps);

static const GuardStep retry_other_steps[] = {
  { "try F 1", "wait" }, { "failed 1" }, { "close 1" },
  { "wait 3599" }, { "usable", "ABCDEGHIJKLMNOPQRST" }, { "wait 1" }, { "list" }, { "usable", "ABCDEFGHIJKLMNOPQRST" },
  { "wait 18000" }, { "consensus" }, /* six hours in */
  { "try F 1", "wait" }, { "failed 1" }, { "close 1" },
  { "wait 14399" }, { "list" }, { "usable", "ABCDEGHIJKLMNOPQRST" }, { "wait 1" }, { "list" },
  { "usable", "ABCDEFGHIJKLMNOPQRST" },
  { "wait 309600" }, { "consensus" }, /* 4 d */
  { "try F 1", "wait" }, { "failed 1" }, { "close 1" },
  { "wait 64799" }, { "list" }, { "usable", "ABCDEGHIJKLMNOPQRST" }, { "wait 1" }, { "list" },
  { "usable", "ABCDEFGHIJKLMNOPQRST" },
  { "wait 194400" }, { "consensus" }, /* 7 d */
  { "try F 1", "wait" }, { "failed 1" }, { "close 1" },
  { "wait 129599" }, { "list" }, { "usable", "ABCDEGHIJKLMNOPQRST" }, { "wait 1" }, { "list" },
  { "usable", "ABCDEFGHIJKLMNOPQRST" },
};
static const GuardScenario retry_other = GUARD_SCENARIO (150, 100, NULL, retry_other_steps);

/* The clock was set back: what failed "in the future" is tried again. */
static const GuardStep clock_steps[] = {
  { "try A 1", "now" }, { "failed 1" }, { "close 1" },
  { "wait -7200" },
  { "list", "ABCDE" },
};
static const GuardScenario clock_back = GUARD_SCENARIO (150, 100, NULL, clock_steps);

/* guard-spec 4.6 to 4.9. The network was up a moment ago, or else the primary guards would be tried again first. */
static const GuardStep waiting_steps[] = {
  { "try A 9", "now" }, { "built 9", "use" }, { "close 9" },
  PRIMARY_DOWN,
  { "list", "DEFGH" },
  { "try D 1", "wait" },
  { "list", "EFGHI" }, /* D is being tried: the next one at the same time */
  { "try E 2", "wait" },
  { "built 2", "use" }, /* E is confirmed now, hence primary in the place of one that is not */
  { "primary", "ABE" },
};
static const GuardScenario waiting = GUARD_SCENARIO (150, 100, NULL, waiting_steps);

/* With all primary guards confirmed. */
#define PRIMARY_CONFIRMED \
  { "try A 1", "now" }, { "built 1", "use" }, { "close 1" }, \
  { "try B 1", "now" }, { "built 1", "use" }, { "close 1" }, \
  { "try C 1", "now" }, { "built 1", "use" }, { "close 1" }

static const GuardStep blocked_steps[] = {
  PRIMARY_CONFIRMED,
  PRIMARY_DOWN,
  { "try D 1", "wait" },
  { "wait 5" },
  { "try E 2", "wait" },
  { "update", "" },
  { "built 2", "wait" },  /* D was tried first, but E is the confirmed one now */
  { "update", "2use" },
  { "built 1", "wait" },  /* D is confirmed too, and was sampled before E */
  { "update", "1use" },
  { "close 1" }, { "close 2" },
  { "primary", "ABC" },
  { "confirmed", "ABCED" },
  /* Both are confirmed: E waits for D, but not for longer than 15 s. */
  { "try D 1", "wait" },
  { "wait 3" },
  { "try E 2", "wait" },
  { "built 2", "wait" },
  { "update", "+12" },
  { "wait 11" },
  { "update", "+1" },
  { "wait 1" },
  { "update", "2use" },
  { "update", "" },
  { "built 1", "wait" },
  { "update", "1use" },
};
static const GuardScenario blocked = GUARD_SCENARIO (150, 100, NULL, blocked_steps);

/* A better circuit that is there holds up the worse one, which is given up in the end; if it fails before, the other is
   used. */
static const GuardStep fallback_steps[] = {
  PRIMARY_CONFIRMED,
  PRIMARY_DOWN,
  { "try D 1", "wait" }, { "built 1", "wait" }, { "update", "1use" },
  { "try E 2", "wait" }, { "built 2", "wait" }, { "update", "+600" },
  { "try F 3", "wait" }, { "built 3", "wait" }, { "update", "+600" },
  { "wait 100" },
  { "close 1" },
  { "update", "2use +500" },
  { "wait 499" },
  { "update", "+1" },
  { "wait 1" },
  { "update", "3drop" },
  { "update", "" },
};
static const GuardScenario fallback = GUARD_SCENARIO (150, 100, NULL, fallback_steps);

/* A primary guard that may be up again holds up everybody else. */
static const GuardStep primary_first_steps[] = {
  PRIMARY_CONFIRMED,
  PRIMARY_DOWN,
  { "try D 1", "wait" },
  { "wait 590" },
  { "built 1", "wait" },
  { "wait 10" },
  { "update", "+590" }, /* the primary guards may be tried again now */
  { "list", "ABCDE" },
  { "try A 2", "now" }, { "failed 2" }, { "close 2" },
  { "try B 2", "now" }, { "failed 2" }, { "close 2" },
  { "update", "+590" },
  { "try C 2", "now" }, { "failed 2" }, { "close 2" },
  { "update", "1use" },
};
static const GuardScenario primary_first = GUARD_SCENARIO (150, 100, NULL, primary_first_steps);

/* guard-spec 4.8, "internet likely down": more than ten minutes without any answer, and the first answer is from a guard
   that is not primary: the primary ones are tried again. */
static const GuardStep network_down_steps[] = {
  PRIMARY_CONFIRMED,
  PRIMARY_DOWN,
  { "wait 580" },
  { "try A 1", "now" }, { "failed 1" }, { "close 1" },
  { "try B 1", "now" }, { "failed 1" }, { "close 1" },
  { "try C 1", "now" }, { "failed 1" }, { "close 1" },
  { "wait 20" }, /* ten minutes since the last answer */
  { "try D 1", "wait" }, { "built 1", "wait" },
  { "update", "1use" }, { "close 1" },
  { "list", "DEFGH" },
  { "wait 570" },
  { "try A 1", "now" }, { "failed 1" }, { "close 1" },
  { "try B 1", "now" }, { "failed 1" }, { "close 1" },
  { "try C 1", "now" }, { "failed 1" }, { "close 1" },
  { "wait 31" },
  { "try D 1", "wait" }, { "built 1", "wait" },
  { "update", "+600" },
  { "list", "ABCDE" },
  { "try A 2", "now" }, { "built 2", "use" },
  { "wait 600" },
  { "update", "1drop" },
};
static const GuardScenario network_down = GUARD_SCENARIO (150, 100, NULL, network_down_steps);

/* Nobody answers: when all are down, all are tried again. */
static const GuardStep exhausted_steps[] = {
  { "list", "ABCD" },
  PRIMARY_DOWN,
  { "list", "D" },
  { "try D 1", "wait" }, { "failed 1" }, { "close 1" },
  { "list", "" },
  { "list", "ABCD" },
};
static const GuardScenario exhausted = GUARD_SCENARIO (9, 4, NULL, exhausted_steps);

/* A guard that is tried already is the last resort, not excluded. */
static const GuardStep pending_steps[] = {
  PRIMARY_DOWN,
  { "try D 1", "wait" },
  { "list", "D" },
  { "try D 2", "wait" },
  { "built 1", "use" }, { "built 2", "use" },
};
static const GuardScenario pending = GUARD_SCENARIO (9, 4, NULL, pending_steps);

/* The last relay of the path, its family and its network are no guards for it: the next primary one is. */
static void
test_exit (void)
{
  static const GuardStep steps[] = {
    { "list @120", "ABCDE" },
    { "list @121", "BCDEF" }, /* in A's network */
    { "list @122", "ACDEF" }, /* in B's family */
    { "list @123", "DEFGH" }, /* in everybody's family */
    { "try D 1 @123", "wait" },
    { "built 1", "use" }, /* D is confirmed first, thus primary */
    { "primary", "ABD" },
    { "try A 2", "now" }, { "built 2", "use" }, { "try B 3", "now" }, { "built 3", "use" },
    { "list @123", "DEFGH" },
    { "try E 4 @123", "wait" },
    { "built 4", "wait" },
    { "update", "+600" }, /* D would do for that path */
    { "try D 5", "now" }, { "failed 5" }, { "close 5" }, { "close 1" },
    { "update", "4use" }, /* A and B are up, but never will do for that path */
  };
  GString *family = g_string_new ("family");
  g_autofree char *a_or_b = NULL, *own[4] = { NULL };
  GuardScript script;

  guard_script_init (&script, 150, 100, 1);
  guard_script_publish (&script); /* to learn who is A, B and C */
  for (guint i = 0; i < 100; i++)
    {
      guint8 id[20];
      char letter;

      test_relay_id (i, id);
      letter = guard_script_letter (&script, id);
      if (letter == 'A')
        script.relays[121].ipv4 = script.relays[i].ipv4 + 7;
      if (letter >= 'A' && letter <= 'C')
        {
          g_autofree char *fingerprint = test_relay_fingerprint (i);
          g_autofree char *more = test_relay_fingerprint (123), *most = test_relay_fingerprint (122);

          g_string_append_printf (family, " %s", fingerprint);
          own[letter - 'A'] = letter == 'B' ? g_strdup_printf ("family %s %s\n", more, most)
                                            : g_strdup_printf ("family %s\n", more);
          script.relays[i].microdesc = own[letter - 'A'];
          if (letter == 'B')
            a_or_b = g_strdup_printf ("family %s\n", fingerprint);
        }
    }
  own[3] = g_strdup_printf ("%s\n", family->str);
  script.relays[122].microdesc = a_or_b;
  script.relays[123].microdesc = own[3];
  guard_script_publish (&script);
  GUARD_SCRIPT_RUN (&script, steps);
  for (guint i = 0; i < G_N_ELEMENTS (own); i++)
    g_clear_pointer (&own[i], g_free);
  g_string_free (family, TRUE);
  guard_script_clear (&script);
}

/* Directory requests are spread over three; who lacked documents is left out, unless hardly anybody is left. */
static void
test_directory (void)
{
  static const GuardStep steps[] = {
    { "trydir A 1", "now" }, { "built 1", "use" },
    { "confirmed", "A" },
    { "trydir D 2", "wait" }, { "built 2", "use" }, /* confirmed: primary */
    { "primary", "ABD" },
  };
  guint first[3] = { 0 };
  GuardScript script;

  guard_script_init (&script, 150, 100, 1);
  guard_script_publish (&script);
  for (guint i = 0; i < 600; i++)
    {
      g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, 20);
      char letter;

      g_assert_true (cepa_guards_list_identities (script.guards, CEPA_GUARD_DIRECTORY, NULL, ids));
      letter = guard_script_letter (&script, (const guint8 *) ids->data);
      g_assert_true (letter >= 'A' && letter <= 'C');
      first[letter - 'A']++;
    }
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (first[i], >, 120); /* of 200 expected: seven sigmas */
  {
    static const GuardStep outdated[] = { { "listdir -AB", "CDEFG" } };

    GUARD_SCRIPT_RUN (&script, outdated);
  }
  GUARD_SCRIPT_RUN (&script, steps);
  guard_script_clear (&script);

  guard_script_init (&script, 12, 9, 1);
  script.config.n_directory_guards = 1;
  cepa_guards_set_config (script.guards, &script.config);
  guard_script_publish (&script);
  {
    static const GuardStep nine[] = { { "listdir -ABC", "ABCDE" } };

    GUARD_SCRIPT_RUN (&script, nine);
  }
  guard_script_clear (&script);
}

/* NumEntryGuards: circuits are spread over so many primary guards. */
static void
test_spread (void)
{
  static const GuardStep down[] = { { "try A 1", "now" }, { "failed 1" }, { "close 1" } };
  guint first[4] = { 0 };
  GuardScript script;

  guard_script_init (&script, 150, 100, 1);
  script.config.n_entry_guards = 2;
  script.config.n_primary_guards = 4;
  cepa_guards_set_config (script.guards, &script.config);
  guard_script_publish (&script);
  for (guint i = 0; i < 800; i++)
    {
      g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, 20);
      char letter;

      if (i == 400)
        GUARD_SCRIPT_RUN (&script, down);
      g_assert_true (cepa_guards_list_identities (script.guards, CEPA_GUARD_DATA, NULL, ids));
      letter = guard_script_letter (&script, (const guint8 *) ids->data);
      g_assert_true (letter >= 'A' && letter <= (i < 400 ? 'B' : 'C'));
      first[letter - 'A']++;
    }
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (first[i], >, 130);
  g_assert_cmpuint (first[1], >, 300);
  guard_script_clear (&script);
}

/* Guards that leave while circuits are on them, and the end of everything while tickets are out. */
static void
test_lifetimes (void)
{
  static const GuardStep steps[] = {
    { "try A 1", "now" }, { "try B 2", "now" }, { "try F 3", "wait" },
    { "gone ABF" }, { "consensus" }, { "day 15" }, { "day 6" },
    { "built 1", "drop" }, { "failed 2" }, { "close 2" }, { "update", "" }, { "close 3" },
    { "try C 4", "now" }, { "built 4", "use" },
  };
  GuardScript script;

  guard_script_init (&script, 150, 100, 1);
  guard_script_publish (&script);
  GUARD_SCRIPT_RUN (&script, steps);
  cepa_guards_free (script.guards);
  g_assert_cmpint (cepa_guard_ticket_succeeded (script.tickets[4]), ==, CEPA_GUARD_DROP);
  cepa_guard_ticket_failed (script.tickets[4]);
  cepa_guard_ticket_used (script.tickets[4]);
  script.guards = NULL;
  guard_script_clear (&script);
}

/* Whoever is told may close the circuit, and others. */
static void
close_all (gpointer user_data, G_GNUC_UNUSED CepaGuardTicket *ticket, CepaGuardVerdict verdict)
{
  GuardScript *script = user_data;

  g_assert_cmpint (verdict, ==, CEPA_GUARD_DROP);
  for (guint i = 0; i < G_N_ELEMENTS (script->tickets); i++)
    g_clear_pointer (&script->tickets[i], cepa_guard_ticket_free);
}

static void
test_freed_in_callback (void)
{
  static const GuardStep steps[] = { PRIMARY_CONFIRMED };
  GuardScript script;

  guard_script_init (&script, 150, 100, 1);
  guard_script_publish (&script);
  GUARD_SCRIPT_RUN (&script, steps);
  for (guint i = 1; i < 4; i++)
    {
      script.tickets[i] = cepa_guards_attempt (script.guards, script.letters[i + 3], CEPA_GUARD_DATA, NULL, close_all,
                                               &script);
      g_assert_cmpint (cepa_guard_ticket_succeeded (script.tickets[i]), ==, CEPA_GUARD_WAIT);
      g_assert_true (cepa_guard_ticket_is_waiting (script.tickets[i]));
    }
  guard_script_pass (&script, 600);
  g_assert_cmpint (cepa_guards_update (script.guards), ==, -1);
  g_assert_null (script.tickets[3]);
  guard_script_clear (&script);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  g_test_add_data_func ("/path/guards/next", &next, guard_scenario_run);
  g_test_add_data_func ("/path/guards/retry-primary", &retry_primary, guard_scenario_run);
  g_test_add_data_func ("/path/guards/retry-others", &retry_other, guard_scenario_run);
  g_test_add_data_func ("/path/guards/clock-set-back", &clock_back, guard_scenario_run);
  g_test_add_data_func ("/path/guards/waiting", &waiting, guard_scenario_run);
  g_test_add_data_func ("/path/guards/blocked", &blocked, guard_scenario_run);
  g_test_add_data_func ("/path/guards/fallback", &fallback, guard_scenario_run);
  g_test_add_data_func ("/path/guards/primary-first", &primary_first, guard_scenario_run);
  g_test_add_data_func ("/path/guards/network-down", &network_down, guard_scenario_run);
  g_test_add_data_func ("/path/guards/exhausted", &exhausted, guard_scenario_run);
  g_test_add_data_func ("/path/guards/pending", &pending, guard_scenario_run);
  g_test_add_func ("/path/guards/exit", test_exit);
  g_test_add_func ("/path/guards/directory", test_directory);
  g_test_add_func ("/path/guards/spread", test_spread);
  g_test_add_func ("/path/guards/lifetimes", test_lifetimes);
  g_test_add_func ("/path/guards/freed-in-callback", test_freed_in_callback);
  return g_test_run ();
}
