"""The trade show's sheet: six rows as somebody typed them at the stand."""

from io import BytesIO

from openpyxl import Workbook

from baton.story.stage import TAG

_HEAD = ("姓名", "邮箱", "手机", "公司", "职位", "行业", "国家", "微信号", "tags")
_ROWS = (
    ("王磊", "wanglei@jinggong.example", "13800138000", "苏州精工机械", "创始人", "制造", "CN", "", TAG),
    ("陈静", "chenjing@hangtian.example", "", "航天紧固件", "实习生", "制造业", "CN", "", TAG),
    ("吴刚", "", "n/a", "吴江纺机", "经理", "", "CN", "wugang_wj", TAG),
    ("Ann Lee", "ann@northwind.example", "", "Northwind", "Manager", "retail", "SG", "", TAG),
    ("Joann Lee", "joann@northwind.example", "", "Northwind", "Staff", "retail", "SG", "", TAG),
    ("李强", "liqiang@dongfang.example", "", "东方制造", "主管", "制造", "CN", "", TAG),
)


def expo_sheet() -> bytes:
    """The sheet as an XLSX file."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("线索")
    for row in (_HEAD, *_ROWS):
        sheet.append(row)
    file = BytesIO()
    book.save(file)
    return file.getvalue()
