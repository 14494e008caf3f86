// A node's journal, and what waits while it cannot be written.
#include <iterator>
#include <utility>
#include <variant>
#include <vector>

#include "sim/world.h"

namespace sim {
namespace {

constexpr core::Duration kRetry = core::kSecond;

// What is no record.
core::Actions take_all_but_records(core::Actions& actions) {
  core::Actions records, others;
  for (core::Action& action : actions)
    (std::holds_alternative<core::Persist>(action) ? records : others).push_back(std::move(action));
  actions = std::move(records);
  return others;
}

}  // namespace

// Commits the records of a batch, and leaves of it what may be performed now.
void World::release(NodeIndex index, core::Actions& actions) {
  VirtualNode& node = nodes_[index];
  if (!node.journal_full && !node.outbox.holds()) {
    for (const core::Action& action : actions)
      if (const auto* persist = std::get_if<core::Persist>(&action)) commit(index, *persist);
    return;
  }
  const bool writable = !node.journal_full && (!node.outbox.holds() || node.trying_again);
  const auto write = [&](const std::vector<core::Persist>& records) {
    for (const core::Persist& record : records)
      if (writable) commit(index, record);
    return writable;
  };
  core::Actions rash;
  if (options_.sabotage == core::Sabotage::act_unwritten) rash = take_all_but_records(actions);
  const bool held = node.outbox.holds();
  actions = node.outbox.release(std::move(actions), write);
  std::move(rash.begin(), rash.end(), std::back_inserter(actions));
  if (!held && node.outbox.holds()) journal_fails(index);
}

void World::commit(NodeIndex index, const core::Persist& persist) {
  if (nodes_[index].keeps_journal) nodes_[index].journal.apply(persist);
  record(index, persist);
}

// The node hears of it as its driver does: after the batch.
void World::journal_fails(NodeIndex index) {
  VirtualNode& node = nodes_[index];
  node.journal_fails = true;
  core::LoadSampled sample = node.sampled;
  sample.migrates = node.migrates;
  sample.journal_fails = true;
  schedule(0, {index, node.life, sample});
  schedule(kRetry, {index, node.life, JournalRetry{}});
}

void World::on(NodeIndex index, JournalRetry&) {
  VirtualNode& node = nodes_[index];
  if (node.journal_full) return schedule(kRetry, {index, node.life, JournalRetry{}});
  node.journal_fails = false;
  node.trying_again = true;
  sample(index, node.sampled);
  node.trying_again = false;
}

void World::fill_journal(NodeIndex index, bool full) {
  nodes_[index].journal_full = full && nodes_[index].keeps_journal;
}

void World::use_journal_reserve(NodeIndex index, bool used) {
  VirtualNode& node = nodes_[index];
  node.journal_fails = used || node.outbox.holds();
  sample(index, node.sampled);
}

}  // namespace sim
