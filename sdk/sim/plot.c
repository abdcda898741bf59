/* SPDX-License-Identifier: BSD-3-Clause */
#include "plot.h"

#include <math.h>

/* Sizes in pixels. */
#define PLOT_PANEL 360
#define PLOT_LEFT 70
#define PLOT_TOP 50
#define PLOT_GAP 90
#define PLOT_BOTTOM 90
#define PLOT_GRID 2 /* points per pixel that are told apart */

/* Decades that an axis may have: a relay of a smaller share is at its end. */
#define PLOT_MAX_DECADES 9

typedef struct
{
  GString *out;
  const char *name;
  const double *shares, *expected; /* by relay */
  guint n_relays;
  double n_paths;
  int first, last; /* powers of ten at the ends of both axes */
  double left;     /* of the panel, pixels */
} PlotPanel;

/* Where a share is on an axis: 0 to 1. */
static double
plot_scale (const PlotPanel *self, double share)
{
  return CLAMP ((log10 (share) - self->first) / (self->last - self->first), 0, 1);
}

static double
plot_x (const PlotPanel *self, double share)
{
  return self->left + PLOT_PANEL * plot_scale (self, share);
}

static double
plot_y (const PlotPanel *self, double share)
{
  return PLOT_TOP + PLOT_PANEL * (1 - plot_scale (self, share));
}

static void
plot_find_range (PlotPanel *self)
{
  double least = 1, greatest = 0;

  for (guint i = 0; i < self->n_relays; i++)
    {
      double high = MAX (self->shares[i], self->expected[i]);

      greatest = MAX (greatest, high);
      if (self->shares[i] > 0)
        least = MIN (least, self->shares[i]);
      if (self->expected[i] > 0)
        least = MIN (least, self->expected[i]);
    }
  self->last = greatest > 0 ? (int) ceil (log10 (greatest)) : 0;
  self->first = MAX ((int) floor (log10 (least)), self->last - PLOT_MAX_DECADES);
  self->first = MIN (self->first, self->last - 1);
}

static void
plot_draw_axes (const PlotPanel *self)
{
  g_string_append_printf (self->out, "<rect x=\"%.1f\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"frame\"/>\n", self->left,
                          PLOT_TOP, PLOT_PANEL, PLOT_PANEL);
  for (int power = self->first; power <= self->last; power++)
    {
      double at = pow (10, power);

      g_string_append_printf (self->out, "<path d=\"M%.1f %dv%dM%.1f %.1fh%d\" class=\"grid\"/>\n", plot_x (self, at),
                              PLOT_TOP, PLOT_PANEL, self->left, plot_y (self, at), PLOT_PANEL);
      g_string_append_printf (self->out, "<text x=\"%.1f\" y=\"%d\" class=\"tick\">10<tspan dy=\"-5\">%d</tspan></text>\n",
                              plot_x (self, at), PLOT_TOP + PLOT_PANEL + 18, power);
      g_string_append_printf (self->out, "<text x=\"%.1f\" y=\"%.1f\" class=\"side\">10<tspan dy=\"-5\">%d</tspan></text>\n",
                              self->left - 6, plot_y (self, at) + 4, power);
    }
  g_string_append_printf (self->out, "<text x=\"%.1f\" y=\"%d\" class=\"name\">%s</text>\n", self->left + PLOT_PANEL / 2.0,
                          PLOT_TOP - 14, self->name);
  g_string_append_printf (self->out, "<text x=\"%.1f\" y=\"%d\" class=\"tick\">share by weight</text>\n",
                          self->left + PLOT_PANEL / 2.0, PLOT_TOP + PLOT_PANEL + 40);
  g_string_append_printf (self->out, "<text transform=\"translate(%.1f %d) rotate(-90)\" class=\"tick\">share of the draws"
                          "</text>\n", self->left - 48, PLOT_TOP + PLOT_PANEL / 2);
}

/* The curve of what is @sigmas standard deviations of a binomial distribution away from even. */
static void
plot_draw_curve (const PlotPanel *self, double sigmas, const char *class_name)
{
  gboolean is_begun = FALSE;

  g_string_append_printf (self->out, "<path class=\"%s\" d=\"", class_name);
  for (int i = 0; i <= 60; i++)
    {
      double share = pow (10, self->first + (self->last - self->first) * i / 60.0);
      double y = share + sigmas * sqrt (share * MAX (1 - share, 0) / MAX (self->n_paths, 1));

      if (y < pow (10, self->first) || y > pow (10, self->last))
        continue;
      g_string_append_printf (self->out, "%c%.1f %.1f", is_begun ? 'L' : 'M', plot_x (self, share), plot_y (self, y));
      is_begun = TRUE;
    }
  g_string_append (self->out, "\"/>\n");
}

/* One element for all points: each is a line of no length with round ends. */
static void
plot_draw_points (const PlotPanel *self, gboolean are_drawn)
{
  guint side = PLOT_PANEL * PLOT_GRID + 1;
  g_autofree guint8 *seen = g_new0 (guint8, (gsize) side * side);

  g_string_append_printf (self->out, "<path class=\"%s\" d=\"", are_drawn ? "drawn" : "never");
  for (guint i = 0; i < self->n_relays; i++)
    {
      double share = are_drawn ? self->shares[i] : pow (10, self->first);
      guint x, y;

      if (self->expected[i] <= 0 || (self->shares[i] > 0) != are_drawn)
        continue;
      x = (guint) lround (plot_scale (self, self->expected[i]) * PLOT_PANEL * PLOT_GRID);
      y = (guint) lround (plot_scale (self, share) * PLOT_PANEL * PLOT_GRID);
      if (seen[(gsize) y * side + x] != 0)
        continue;
      seen[(gsize) y * side + x] = 1;
      g_string_append_printf (self->out, "M%.1f %.1fh0", self->left + (double) x / PLOT_GRID,
                              PLOT_TOP + PLOT_PANEL - (double) y / PLOT_GRID);
    }
  g_string_append (self->out, "\"/>\n");
}

static void
plot_draw_note (const PlotPanel *self)
{
  guint n_never = 0, n_unweighted = 0;

  for (guint i = 0; i < self->n_relays; i++)
    {
      n_never += self->expected[i] > 0 && self->shares[i] <= 0 ? 1 : 0;
      n_unweighted += self->expected[i] <= 0 && self->shares[i] > 0 ? 1 : 0;
    }
  g_string_append_printf (self->out, "<text x=\"%.1f\" y=\"%d\" class=\"tick\">%u with a weight never drawn, %u without one "
                          "drawn</text>\n", self->left + PLOT_PANEL / 2.0, PLOT_TOP + PLOT_PANEL + 60, n_never, n_unweighted);
}

static void
plot_draw_panel (const CepaSimReport *report, GString *out, CepaPlace place, const char *name)
{
  PlotPanel self = { .out = out, .name = name };
  g_autofree double *shares = cepa_sim_report_get_shares (report, place, &self.n_relays);
  g_autofree double *expected = cepa_sim_report_get_expected (report, place, &self.n_relays);

  self.shares = shares;
  self.expected = expected;
  self.n_paths = (double) report->outcome->tally->totals.n_paths;
  self.left = PLOT_LEFT + place * (PLOT_PANEL + PLOT_GAP);
  plot_find_range (&self);
  plot_draw_axes (&self);
  plot_draw_points (&self, FALSE);
  plot_draw_points (&self, TRUE);
  plot_draw_curve (&self, 0, "even");
  plot_draw_curve (&self, 1.96, "band");
  plot_draw_curve (&self, -1.96, "band");
  plot_draw_note (&self);
}

GString *
cepa_sim_plot (const CepaSimReport *report)
{
  static const char *const names[CEPA_N_PLACES] = { "guard", "middle", "exit" };
  GString *out = g_string_new (NULL);
  int width = PLOT_LEFT + CEPA_N_PLACES * (PLOT_PANEL + PLOT_GAP) - PLOT_GAP + 30;
  int height = PLOT_TOP + PLOT_PANEL + PLOT_BOTTOM;

  g_string_append_printf (out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n",
                          width, height, width, height);
  g_string_append (out, "<style>text{font:12px sans-serif;fill:#222}.tick,.name{text-anchor:middle}.side{text-anchor:end}"
                        ".name{font-size:15px}tspan{font-size:9px}path{fill:none}.frame{fill:none;stroke:#222}"
                        ".grid{stroke:#ddd}.even{stroke:#c00;stroke-width:1.5}.band{stroke:#c00;stroke-dasharray:4 3}"
                        ".drawn{stroke:#246;stroke-width:3;stroke-linecap:round;stroke-opacity:.6}"
                        ".never{stroke:#999;stroke-width:3;stroke-linecap:round}</style>\n");
  g_string_append_printf (out, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", width, height);
  g_string_append_printf (out, "<text x=\"%d\" y=\"18\">%s: %" G_GUINT64_FORMAT " paths, seed %" G_GUINT64_FORMAT "</text>\n",
                          PLOT_LEFT, report->plugin_id, report->outcome->tally->totals.n_paths, report->seed);
  for (guint place = 0; place < CEPA_N_PLACES; place++)
    plot_draw_panel (report, out, (CepaPlace) place, names[place]);
  g_string_append (out, "</svg>\n");
  return out;
}
