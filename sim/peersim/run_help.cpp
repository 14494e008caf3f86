#include "sim/peersim/run_help.h"

#include <sstream>

#include "sim/experiment.h"

namespace peersim {
namespace {

constexpr char kUsage[] =
    "Usage: peersim run [OPTION]... [--config FILE] [--SECTION.KEY=VALUE]...\n"
    "\n"
    "Runs peerd's own core and policies in virtual time and says how long tasks take. Policies, "
    "limits\n"
    "and all else that peerd is configured with are the same keys here (peerd --help lists them);\n"
    "unlike there, limits.search_retry is 0, load.slots 1 and membership.probe_interval 1h unless\n"
    "given.\n\n";

constexpr char kTrace[] =
    "\n"
    "A trace (--arrivals trace:FILE) replays a recorded workload; --load, --service and\n"
    "--mean-service do not count then. The file has a line for each task, earliest first:\n"
    "\n"
    "  # SECONDS NODE SERVICE_SECONDS\n"
    "  0        0  1.5\n"
    "  0.250001 3  0.02   # submitted to peer 3 after 250.001 ms, runs for 20 ms\n"
    "\n"
    "Decimals down to a microsecond and up to 10^9 s, peers from 0, # begins a comment; at most\n"
    "10,000,000 tasks. The first tasks warm up, --warm-up of them but no more than half; the next\n"
    "--tasks are measured, or as many as are left.\n";

constexpr char kQuantities[] =
    "\n"
    "What is printed: of each quantity its mean over the replications and, of more than one, half\n"
    "the width of its 95 % confidence interval (Student's t). Measured from the submission of the\n"
    "first task after those that warm up to that of the last (at the end of a trace: to its end).\n"
    "\n";

constexpr char kExits[] =
    "\n"
    "Exit status: 0 done; 64 wrong usage; 65 a line of the trace is wrong; 66 the trace cannot be\n"
    "read; 74 the output cannot be written; 78 the configuration is wrong.\n";

// The messages of each kind have one line together.
std::string quantities_in_words() {
  constexpr std::size_t kIndent = 22;
  std::string text;
  const auto explain = [&](const std::string& name, const std::string& meaning) {
    std::string line = "  " + name + std::string(kIndent - 2 - name.size(), ' ');
    std::istringstream words(meaning);
    for (std::string word; words >> word;) {
      if (line.size() + word.size() >= kHelpColumns) {
        text += line + "\n";
        line = std::string(kIndent, ' ');
      }
      line += (line.size() == kIndent ? "" : " ") + word;
    }
    text += line + "\n";
  };
  for (const sim::Quantity& quantity : sim::quantities())
    if (!quantity.name.starts_with("messages_")) explain(quantity.name, quantity.meaning);
  explain("messages_KIND", "those of one kind, per task; the text leaves out kinds never sent");
  return text;
}

}  // namespace

std::string run_help(const boost::program_options::options_description& options) {
  std::ostringstream text;
  text << kUsage << options << kTrace << kQuantities << quantities_in_words() << kExits;
  return text.str();
}

}  // namespace peersim
