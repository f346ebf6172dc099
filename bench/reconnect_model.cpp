// When each of a thousand agents is with its broker again that was away for a while: by the agent's own pauses
// (mqtt/pauses.h), without agents and without a broker. Prints a line per agent: outage_s,agent,tries,connected_s. Time
// counts from the loss.
//
// usage: bench_reconnect_model AGENTS OUTAGE_S...
#include <cstdio>
#include <cstdlib>

#include "mqtt/pauses.h"
#include "mqtt/session.h"

int main(int argc, char** argv) {
  using namespace vedette;
  if (argc < 3) {
    std::fprintf(stderr, "usage: bench_reconnect_model AGENTS OUTAGE_S...\n");
    return 2;
  }
  const mqtt::SessionConfig config;
  std::printf("outage_s,agent,tries,connected_s\n");
  for (int i = 2; i < argc; ++i) {
    const double outage_s = std::atof(argv[i]);
    for (int agent = 0; agent < std::atoi(argv[1]); ++agent) {
      mqtt::Pauses pauses(config.first_backoff, config.most_backoff);
      // It had been connected for long; after that each try is refused at once while the broker is away.
      auto pause = pauses.next(mqtt::Cause::closed, std::chrono::hours(1));
      double at_s = static_cast<double>(pause.count()) / 1000;
      int tries = 1;
      for (; at_s < outage_s; ++tries) {
        pause = pauses.next(mqtt::Cause::network, 0us);
        at_s += static_cast<double>(pause.count()) / 1000;
      }
      std::printf("%g,%d,%d,%.3f\n", outage_s, agent, tries, at_s);
    }
  }
}
