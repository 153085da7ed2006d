-- Driving a car in a Chinese city: the stock car profile of the OSRM wheel with our own speeds.
--
-- Why: roads in China rarely carry maxspeed, and the stock speeds assume emptier roads: 61 km/h of
-- straight-line pace across Jinan, against about 34 expected (compared 2026-11). The speeds and the
-- hour's factors come from a speed file (paigong_roads.lua); they are averages that include signals.

local car = require('car')
local Tags = require('lib/tags')
local roads = require('paigong_roads')

api_version = 4

-- A compound's gate: the barrier lifts for a known vehicle (stock: 60 s each). Guess of 2026-11.
local gate_s = 20

-- Tagged limits are ceilings, not averages: signals and queues stay below them. Guess of 2026-11.
local share_of_limit = 0.65

local limit_keys = Sequence { 'maxspeed:advisory', 'maxspeed', 'source:maxspeed', 'maxspeed:type' }

local function hour_kmh(free_kmh, limit_kmh, factor)
  if free_kmh <= 0 then  -- not to be driven this way
    return free_kmh
  elseif not limit_kmh or limit_kmh <= 0 then
    return free_kmh * factor
  end
  -- The factor acts on limited roads too, or it could not be learnt from them; the law stays.
  return math.min(math.min(free_kmh, limit_kmh * share_of_limit) * factor, limit_kmh)
end

-- In the place of the stock handler, which takes a tagged limit for the speed itself.
WayHandlers.maxspeed = function(profile, way, result, data)
  local factor = roads.factor(data.highway)
  local forward, backward = Tags.get_forward_backward_by_set(way, data, limit_keys)
  if result.forward_mode ~= mode.ferry then
    result.forward_speed = hour_kmh(
      result.forward_speed, WayHandlers.parse_maxspeed(forward, profile), factor)
  end
  if result.backward_mode ~= mode.ferry then
    result.backward_speed = hour_kmh(
      result.backward_speed, WayHandlers.parse_maxspeed(backward, profile), factor)
  end
end

WayHandlers.classes = roads.mark_class

local function setup()
  local profile = car.setup()
  local free_kmh = {}
  for highway in pairs(profile.speeds.highway) do
    free_kmh[highway] = roads.free_kmh(highway)
  end
  profile.speeds.highway = free_kmh
  profile.default_speed = roads.service_kmh
  profile.barrier_penalties = { gate = gate_s, lift_gate = gate_s }
  -- The speeds include the waiting at signals; the stock 2 s at each would count it twice.
  profile.properties.traffic_signal_penalty = 0
  profile.classes = Sequence(roads.classes)
  -- Nobody asks for routes without tolls or motorways; each such choice is contracted again.
  profile.excludable = nil
  return profile
end

return {
  setup = setup,
  process_way = car.process_way,
  process_node = car.process_node,
  process_turn = car.process_turn,
}
