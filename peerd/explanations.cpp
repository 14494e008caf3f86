#include "peerd/explanations.h"

namespace peerd {
namespace {

std::vector<std::string> split(const std::string& text, std::size_t from) {
  std::vector<std::string> lines;
  while (from < text.size()) {
    const std::size_t end = text.find('\n', from);
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

}  // namespace

void Explanations::add(core::TaskId task, const std::string& line) {
  Story& story = stories_[task];
  if (story.text.size() + line.size() > kMaxBytesPerTask) {
    ++story.left_out;
    return;
  }
  story.text += line;
  story.text += '\n';
}

std::vector<std::string> Explanations::lines(core::TaskId task) const {
  const auto found = stories_.find(task);
  if (found == stories_.end()) return {};
  std::vector<std::string> lines = split(found->second.text, 0);
  if (found->second.left_out > 0)
    lines.push_back("(" + std::to_string(found->second.left_out) + " more lines were not kept)");
  return lines;
}

std::vector<std::string> Explanations::take_untold(core::TaskId task) {
  const auto found = stories_.find(task);
  if (found == stories_.end()) return {};
  Story& story = found->second;
  std::vector<std::string> lines = split(story.text, story.told);
  story.told = story.text.size();
  return lines;
}

}  // namespace peerd
