/* SPDX-License-Identifier: BSD-3-Clause */
/* Draws from the distributions that a machine may name, each by its quantile function. */
#include <math.h>

#include <cepa/services.h>

#include "engine.h"

#define DISTRIBUTION_STEPS (G_GUINT64_CONSTANT (1) << 53)

double
cepa_circpad_distribution_draw (const CepaCircpadDistribution *self, const CepaHost *host)
{
  /* Above 0 and below 1. */
  double p = ((double) (cepa_host_random_below (host, DISTRIBUTION_STEPS - 1) + 1)) / (double) DISTRIBUTION_STEPS;
  double value = 0;

  switch (self->shape)
    {
    case CEPA_CIRCPAD_NONE:
      break;
    case CEPA_CIRCPAD_UNIFORM:
      value = self->a + p * (self->b - self->a);
      break;
    case CEPA_CIRCPAD_LOGISTIC:
      value = self->a + self->b * log (p / (1 - p));
      break;
    case CEPA_CIRCPAD_LOG_LOGISTIC:
      value = self->a * pow (p / (1 - p), 1 / self->b);
      break;
    case CEPA_CIRCPAD_GEOMETRIC:
      value = self->a >= 1 ? 1 : MAX (ceil (log1p (-p) / log1p (-self->a)), 1);
      break;
    case CEPA_CIRCPAD_WEIBULL:
      value = self->b * pow (-log1p (-p), 1 / self->a);
      break;
    case CEPA_CIRCPAD_PARETO:
      value = self->b == 0 ? -self->a * log1p (-p) : self->a * (pow (1 - p, -self->b) - 1) / self->b;
      break;
    }
  return value > 0 ? value : 0;
}
