#pragma once

#include <string>

#include "core/metric_families.h"

namespace vedette {

// The families in the text format of Prometheus (version 0.0.4): each with its help and its type, and its samples right
// behind them.
std::string prometheus_text(const MetricFamilies& families);

}  // namespace vedette
