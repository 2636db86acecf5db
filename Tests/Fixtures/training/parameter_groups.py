"""Parameter groups of a timm model with pathways, for make_optimizer.py and make_run.py."""
from timm.optim import param_groups_layer_decay


def parameter_groups(vit, auxiliary, scales, weight_decay, layer_decay, scale_rate):
    """One group for each parameter: timm's decays and factors for the model's own; an auxiliary's W' has its layer's
    factor and the weight decay, a scale `scale_rate` times the factor and no weight decay."""
    own = dict(vit.named_parameters())
    groups = param_groups_layer_decay(
        vit, weight_decay=weight_decay, no_weight_decay_list=vit.no_weight_decay(), layer_decay=layer_decay)
    factor = {id(p): group["lr_scale"] for group in groups for p in group["params"]}
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    groups = [{"params": [p], "lr_scale": factor[id(p)], "weight_decay": decay[id(p)]} for p in own.values()]
    for name in auxiliary:
        layer = factor[id(own[name + ".weight"])]
        groups.append({"params": [auxiliary[name]], "lr_scale": layer, "weight_decay": weight_decay})
        groups.append({"params": [scales[name]], "lr_scale": layer * scale_rate, "weight_decay": 0.0})
    return groups
