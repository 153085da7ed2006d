"""Invented names: roads, compounds, people, phones. None belongs to a real place or person."""

from random import Random


def _pairs(text: str) -> list[str]:
    return [text[start : start + 2] for start in range(0, len(text), 2)]


_NORTH_SOUTH = _pairs("外环槐安望泉文澜澜山学府钟楼中轴青石同济银杏锦澜迎晖松涛外环")
_EAST_WEST = _pairs("外环南苑柳堤滨澜河沿长兴泰宁解元明德广济安康北辰云岭雪松外环")
_FIRST = [
    *_pairs("锦澜瑞景翠屏丹枫凤栖龙湾怡和康泰明珠银河柳岸桂香听泉观澜"),
    *_pairs("御景南湖紫薇碧桐金穗鹤鸣书香和顺永福长乐春晖秋实梧桐海棠"),
]
_LAST = ("家园", "花园", "小区", "新村", "苑", "华府", "名城", "公寓", "里", "嘉园")
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_GIVEN = [
    *"伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚",
    *_pairs("秀兰桂英建国建华志强志明秀英玉兰海燕文博子涵雨桐浩然佳怡俊杰"),
    *_pairs("晓东晓燕春梅国庆永强新华立新淑珍凤英振华家豪"),
]
_ENGLISH_GIVEN = ("Alex", "Sam", "Maria", "Jordan", "Lena", "Omar", "Nina", "Paul", "Rosa", "Tom")
_ENGLISH_SURNAMES = ("Adler", "Brook", "Castell", "Dorne", "Ebers", "Falk", "Grove", "Hale", "Ives")


def road_name(line: int, suffix: str) -> str:
    """The name of grid street `line`: 路 runs north-south, 街 east-west."""
    return f"{(_NORTH_SOUTH if suffix == '路' else _EAST_WEST)[line]}{suffix}"


def compound_names(random: Random, count: int) -> list[str]:
    """`count` different names of compounds, with phases (二期, ...) when names run out."""
    plain = [first + last for first in _FIRST for last in _LAST]
    random.shuffle(plain)
    phases = ("", "二期", "三期", "四期")
    return [plain[n % len(plain)] + phases[n // len(plain)] for n in range(count)]


def person_name(random: Random, language: str) -> str:
    """A name in the customer's language."""
    if language == "en":
        return f"{random.choice(_ENGLISH_GIVEN)} {random.choice(_ENGLISH_SURNAMES)}"
    return f"{random.choice(_SURNAMES)}{random.choice(_GIVEN)}"


def phone(kind: int, number: int) -> str:
    """A mobile number in the demo's block 13900000000 to 13900099999; `kind` keeps sets apart.

    Raises ValueError outside 10 kinds of 10,000 numbers.
    """
    if not (0 <= kind <= 9 and 0 <= number <= 9999):
        raise ValueError("the demo's phone block holds 10 kinds of 10000 numbers")
    return f"139000{kind}{number:04d}"
