/* SPDX-License-Identifier: BSD-3-Clause */
/* A controller's bytes to commands to words and pairs; what the answers repeat of them. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "command.h"
#include "text.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
fuzz_control_check_pairs (const char *args, guint flags)
{
  GPtrArray *pairs = cepa_tor_command_pairs (args, flags);

  for (guint i = 0; pairs != NULL && i < pairs->len; i++)
    {
      const CepaTorPair *pair = pairs->pdata[i];

      g_assert_true (pair->key == NULL || *pair->key != '\0');
      g_assert_true (pair->key != NULL || (flags & CEPA_TOR_PAIRS_NO_KEYS) != 0);
      g_assert_true (pair->value != NULL || (flags & CEPA_TOR_PAIRS_NO_VALUES) != 0);
    }
  g_clear_pointer (&pairs, g_ptr_array_unref);
}

/* Nothing of a controller's words begins a line of an answer. */
static void
fuzz_control_check_text (const char *text)
{
  g_autofree char *echo = cepa_tor_text_echo (text);
  g_autoptr (GString) word = g_string_new (NULL), quoted = g_string_new (NULL), lines = g_string_new (NULL);

  g_assert_true (g_utf8_validate (echo, -1, NULL));
  g_assert_cmpuint (strlen (echo), <=, CEPA_TOR_MAX_ECHO);
  g_assert_null (strpbrk (echo, "\r\n"));
  cepa_tor_text_append_word (word, text);
  cepa_tor_text_append_quoted (quoted, text);
  g_assert_null (strpbrk (word->str, " \r\n"));
  g_assert_null (strpbrk (quoted->str, "\r\n"));
  cepa_tor_text_append_data (lines, text);
  g_assert_true (g_str_has_suffix (lines->str, ".\r\n"));
  g_assert_true (lines->len == 3 || strstr (lines->str, "\r\n.\r\n") == lines->str + lines->len - 5);
}

static void
fuzz_control_check_command (const CepaTorCommand *command)
{
  g_autoptr (GPtrArray) words = cepa_tor_command_split (command->args);

  g_assert_null (strpbrk (command->name, " \r\n\t"));
  for (guint i = 0; i < words->len; i++)
    g_assert_true (*(const char *) words->pdata[i] != '\0');
  fuzz_control_check_pairs (command->args, CEPA_TOR_PAIRS_NO_VALUES | CEPA_TOR_PAIRS_C_QUOTED);
  fuzz_control_check_pairs (command->args, CEPA_TOR_PAIRS_NO_KEYS | CEPA_TOR_PAIRS_QUOTED);
  fuzz_control_check_text (command->name);
  fuzz_control_check_text (command->args);
}

/* What the bytes say, when they come in pieces of @step. */
static char *
fuzz_control_read (const uint8_t *data, size_t size, size_t step)
{
  GString *out = g_string_new (NULL);
  CepaTorInputResult result = CEPA_TOR_INPUT_MORE;
  CepaTorInput input;

  cepa_tor_input_init (&input);
  for (size_t at = 0; at < size && result != CEPA_TOR_INPUT_TOO_LONG; at += step)
    {
      CepaTorCommand *command = NULL;

      cepa_tor_input_add (&input, data + at, MIN (step, size - at));
      (void) cepa_tor_input_is_http (&input);
      while ((result = cepa_tor_input_next (&input, &command)) == CEPA_TOR_INPUT_COMMAND
             || result == CEPA_TOR_INPUT_BINARY)
        {
          g_string_append_printf (out, "[%s %s]", command != NULL ? command->name : "",
                                  command != NULL ? command->args : "");
          if (command != NULL && step == size)
            fuzz_control_check_command (command);
          g_clear_pointer (&command, cepa_tor_command_free);
        }
    }
  cepa_tor_input_clear (&input);
  return g_string_free (out, FALSE);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *whole = fuzz_control_read (data, size, MAX (size, 1)), *pieces = fuzz_control_read (data, size, 3);

  g_assert_cmpstr (whole, ==, pieces);
  return 0;
}
