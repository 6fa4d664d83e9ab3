"""How far networks look: the distance within which a half, 80 % and 90 % of the gradient of a pixel of the map lie, after some training.

Each is trained from random weights on the west half of Banepa (OpenAerialMap, CC-BY 4.0; footprints OpenStreetMap, ODbL) with patches of 256 px,
then `AerialModel.receptive_radius` tells the distances. The rule by which neighbouring patches share 128 px rests on them.

    python bench/receptive_field.py DATA_FOLDER [--archs resnet18,swin_tiny_patch4_window7_224 --steps 60]
"""
import argparse, warnings; warnings.filterwarnings('ignore')
from pathlib import Path
ap = argparse.ArgumentParser(); ap.add_argument('folder', type=Path); ap.add_argument('--steps', type=int, default=60)
ap.add_argument('--archs', default='resnet18,resnet50,efficientnet_b0,mobilenetv3_small_050,convnext_atto,swin_tiny_patch4_window7_224,hrnet_w18_small')
from aerialfast import *; A = ap.parse_args() # fastai has an A too
rgb,mask = (A.folder/'oam_banepa_buildings'/'mosaic_derived'/f'banepa_z19_b1_{k}.tif' for k in ('rgb','mask'))
sides,truth = Tile(rgb).cut(1, 2),MaskTile(mask, MaskValues(['ground','building'], [0,1]))
masks = [truth.crop(t.y0, t.x0, t.h, t.w, t.part) for t in sides]

print(f'{A.steps} steps, patches of 256 px\n\n| encoder | loss at the end | 50 % | 80 % | 90 % |\n|---|---|---|---|---|', flush=True)
for arch in A.archs.split(','):
    set_seed(0)
    dls = TileDataLoaders.from_tiles(sides, masks, valid=FuncSplitter(lambda o: o[0] is sides[1]), bs=4, n=4*A.steps)
    learn = aerial_learner(dls, arch, pretrained=False)
    with learn.no_bar(),learn.no_logging(): learn.fit_one_cycle(1, 2e-3)
    m = learn.aerial_model()
    print(f"| {arch} | {float(learn.recorder.smooth_loss.value):.2f} | {m.receptive_radius(.5)} | {m.receptive_radius(.8)} | {m.receptive_radius(.9)} |", flush=True)
