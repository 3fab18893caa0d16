// Window coverage and near misses.
#include <map>
#include <utility>

#include "harness/coverage.h"
#include "harness/report/report_parts.h"
#include "harness/report/snapshot.h"

namespace harness {
namespace {

std::string StageName(const Cell& cell) {
  return lru::fault_point_at(cell.stage).name;
}

void AddName(Json& list, const std::string& name) {
  for (const Json& there : list) {
    if (there == name) return;
  }
  list.push_back(name);
}

// Cells with one reason and one order. Stages of different operations are kept
// apart unless they are the same.
class Groups {
 public:
  void Add(const Cell& cell, const std::string& operation) {
    auto key = std::make_pair(cell.reason, cell.order);
    AddName(by_operation_[key][operation], StageName(cell));
  }

  Json ToJson() const {
    Json list = Json::array();
    for (const auto& [key, operations] : by_operation_) {
      Json groups = Json::array();
      for (const auto& [operation, stages] : operations) {
        Json* place = nullptr;
        for (Json& group : groups) {
          if (group["stages"] == stages) place = &group;
        }
        if (!place) {
          groups.push_back({{"reason", key.first},
                            {"order", CellOrderName(key.second)},
                            {"operations", Json::array()},
                            {"stages", stages}});
          place = &groups.back();
        }
        (*place)["operations"].push_back(operation);
      }
      for (Json& group : groups) list.push_back(std::move(group));
    }
    return list;
  }

 private:
  std::map<std::pair<std::string, CellOrder>, std::map<std::string, Json>>
      by_operation_;
};

}  // namespace

Json CoverageToJson(const Recorder& r, const Config& config) {
  uint64_t reachable = 0, hit = 0;
  Json missing = Json::array(), matrix = Json::object();
  Groups unforced, excluded;
  const LruInfo* lru = Catalog::Get().FindLru(config.lru);
  for (const Cell& cell : CellsOf(r, config)) {
    std::string operation = lru->operations[cell.operation].name;
    Json& place = matrix[StageName(cell)][operation];
    place[CellOrderName(cell.order)] = Clamped(cell.hits);
    if (cell.status == CellStatus::kReachable) {
      reachable++;
      hit += cell.hits != 0;
      if (!cell.hits) missing.push_back(CellText(*lru, cell));
    } else if (cell.status == CellStatus::kUnforced) {
      unforced.Add(cell, operation);
    } else {
      excluded.Add(cell, operation);
      if (!cell.hits) place[CellOrderName(cell.order)] = nullptr;
    }
  }
  return {{"cells_reachable", reachable},  {"cells_hit", hit},
          {"missing", std::move(missing)}, {"matrix", std::move(matrix)},
          {"unforced", unforced.ToJson()}, {"excluded", excluded.ToJson()}};
}

Json NearMissesToJson(const Recorder& r) {
  Json kinds = Json::object();
  for (int kind = 0; kind < kNearMisses; kind++) {
    kinds[NearMissInfos()[kind].name] =
        Clamped(NearMissesOf(r, static_cast<NearMiss>(kind)));
  }
  return kinds;
}

}  // namespace harness
