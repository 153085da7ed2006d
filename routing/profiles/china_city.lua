-- Driving in a Chinese city: the stock car profile of the OSRM wheel with our own speeds.
--
-- Why: roads in China rarely carry maxspeed, and the stock speeds assume emptier roads: 61 km/h of
-- straight-line pace across Jinan, against about 34 expected (compared 2026-11).
--
-- Provenance of every number below: judgement of 2026-11, aimed at that pace; no class has been
-- measured. They are free-flow averages that already include signals. The hour's factor is
-- applied on top by the engine (routing/speeds.py). To be learnt from closed visits.

local car = require('car')

api_version = 4

-- km/h per road class
local city_speeds = {
  motorway = 80, motorway_link = 40,   -- ring expressways, often elevated
  trunk = 60,    trunk_link = 32,      -- urban expressways (kuaisulu)
  primary = 38,  primary_link = 24,    -- main roads with signals every 400-800 m
  secondary = 32, secondary_link = 20,
  tertiary = 26, tertiary_link = 16,
  unclassified = 20,
  residential = 18,                    -- lanes between compounds
  living_street = 10,
  service = 10,                        -- inside compounds, parked full
}

-- A compound's gate: the barrier lifts for a known vehicle (stock: 60 s each). Guess.
local gate_s = 20

-- Tagged limits are ceilings, not averages: signals and queues stay below them. Guess.
local share_of_limit = 0.65

local function setup()
  local profile = car.setup()
  for class, speed in pairs(city_speeds) do
    profile.speeds.highway[class] = speed
  end
  profile.barrier_penalties = { gate = gate_s, lift_gate = gate_s }
  profile.speed_reduction = share_of_limit
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
